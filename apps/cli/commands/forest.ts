/** `kerbtrail forest`: forests of our own, which take commands, and observed ones, which imports made. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from '../client.js';
import { wholeNumber } from '../filters.js';
import type { Output, Page } from '../output.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type Policy = {
  readonly ruleProfile: string;
  readonly enforcement: string;
  readonly aliases: readonly { readonly target: string; readonly aliases: readonly string[] }[];
  readonly clockSkewSeconds: number;
  readonly logonLifetimeSeconds: number;
  readonly ticketLifetimeSeconds: number;
  readonly etypes: readonly number[];
};

type ForestRow = {
  readonly forest: string;
  readonly name: string;
  readonly origin: 'own' | 'observed';
  readonly domains: readonly { readonly domain: string; readonly netbiosName: string | null }[];
  readonly policy: Policy | null;
  readonly auditedFrom: string | null;
  readonly auditedTo: string | null;
};

type PolicyOptions = {
  readonly profile?: string;
  readonly enforcement?: string;
  readonly skew?: number;
  readonly logonLifetime?: number;
  readonly ticketLifetime?: number;
  readonly etypes?: readonly number[];
};

const PROFILES = ['permissive', 'windows-2012r2', 'kb5008382', 'samba'];
const ETYPES = { aes256: 18, aes128: 17 } as const;
const LIFETIME_SECONDS_MAX = 604_800;

const columns: readonly Column<ForestRow>[] = [
  { head: 'FOREST', value: ({ forest }) => forest },
  {
    head: 'ORIGIN',
    value: ({ origin }) => origin,
    paint: (text, _, colors) => (text === 'own' ? text : colors.dim(text)),
  },
  { head: 'DOMAINS', value: ({ domains }) => domains.map(({ domain }) => domain).join(' ') },
  { head: 'RULE PROFILE', value: ({ policy }) => policy?.ruleProfile },
  { head: 'ENFORCEMENT', value: ({ policy }) => policy?.enforcement },
];

export function addForestCommands(program: Command, sessions: Sessions): void {
  const forest = program
    .command('forest')
    .summary('forests, their domains and their policy')
    .description(
      'A forest is the scope in which an SPN must be unique. Forests of our own take commands; observed ones come from imports.',
    );

  policyOptions(forest.command('create <dns-name>'))
    .description('Make a forest with its root domain.')
    .option('--netbios <name>', 'NetBIOS name of the root domain (default: the first label in upper case)')
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail forest create corp.example\nNext:\n  kerbtrail account create svc-web --domain corp.example',
    )
    .action(
      sessions.action<[string], PolicyOptions & { readonly netbios?: string }>(
        async ({ client, output }, [name], options) => {
          const body = { name, netbiosName: options.netbios, policy: policyOf(options) };
          const answer = await client.command<{ forest: string }>('POST', '/v1/forests', body);
          output.record(answer, [['forest', answer.forest]]);
          output.say(output.colors.dim(`next: kerbtrail account create NAME --domain ${answer.forest}`));
        },
      ),
    );

  forest
    .command('list')
    .description('All forests, own and observed.')
    .action(
      sessions.action(async ({ client, output }) => {
        output.page(await findForests(client), columns, 'no forest yet: kerbtrail forest create corp.example');
      }),
    );

  forest
    .command('show <forest>')
    .description('One forest with its domains and its policy.')
    .action(sessions.action<[string]>(({ client, output }, [name]) => showForest(client, output, name)));

  const domain = forest.command('domain').summary('domains of a forest').description('Domains of a forest.');
  domain
    .command('add <forest> <dns-name>')
    .description('Add a domain to a forest of our own.')
    .option('--netbios <name>', 'NetBIOS name (default: the first label in upper case)')
    .addHelpText('after', '\nExample:\n  kerbtrail forest domain add corp.example eu.corp.example')
    .action(
      sessions.action<[string, string], { readonly netbios?: string }>(
        async ({ client, output }, [name, added], options) => {
          const path = `/v1/forests/${encodeURIComponent(name)}/domains`;
          const answer = await client.command('POST', path, { domain: added, netbiosName: options.netbios });
          output.record(answer, [
            ['forest', name],
            ['domain', added],
          ]);
        },
      ),
    );

  const policy = forest.command('policy').summary('policy of a forest').description('Policy of a forest.');
  policyOptions(policy.command('set <forest>'))
    .description('Change the policy; what is not named stays as it is.')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail forest policy set corp.example --enforcement audit\n  kerbtrail forest policy set corp.example --profile samba --skew 120',
    )
    .action(sessions.action<[string], PolicyOptions>((session, [name], options) => setPolicy(session, name, options)));
}

async function setPolicy({ client, output }: Session, name: string, options: PolicyOptions): Promise<void> {
  await client.command('PUT', `/v1/forests/${encodeURIComponent(name)}/policy`, policyOf(options) ?? {});
  await showForest(client, output, name);
}

function policyOptions(command: Command): Command {
  return command
    .addOption(new Option('--profile <profile>', 'which uniqueness checks a write of an SPN meets').choices(PROFILES))
    .addOption(
      new Option('--enforcement <how>', 'audit accepts what the profile would refuse, and reports it').choices([
        'enforce',
        'audit',
      ]),
    )
    .addOption(new Option('--skew <seconds>', 'how far clocks may be apart').argParser(wholeNumber(0, 3_600)))
    .addOption(new Option('--logon-lifetime <seconds>', 'of a logon').argParser(wholeNumber(1, LIFETIME_SECONDS_MAX)))
    .addOption(new Option('--ticket-lifetime <seconds>', 'of a ticket').argParser(wholeNumber(1, LIFETIME_SECONDS_MAX)))
    .addOption(
      new Option('--etypes <etypes...>', 'encryption types, the strongest first: aes256 aes128').argParser(readEtype),
    );
}

function readEtype(text: string, before: readonly number[] = []): readonly number[] {
  const etype = ETYPES[text as keyof typeof ETYPES];
  if (etype === undefined) throw new InvalidArgumentError(`Allowed choices are ${Object.keys(ETYPES).join(', ')}.`);
  return [...before, etype];
}

/** Undefined when no option was given. */
function policyOf(options: PolicyOptions): object | undefined {
  const policy = {
    ruleProfile: options.profile,
    enforcement: options.enforcement,
    clockSkewSeconds: options.skew,
    logonLifetimeSeconds: options.logonLifetime,
    ticketLifetimeSeconds: options.ticketLifetime,
    etypes: options.etypes,
  };
  return Object.values(policy).some((value) => value !== undefined) ? policy : undefined;
}

export function findForests(client: Client): Promise<Page<ForestRow>> {
  return client.get('/v1/forests');
}

async function showForest(client: Client, output: Output, name: string): Promise<void> {
  const row = await client.get<ForestRow>(`/v1/forests/${encodeURIComponent(name)}`);
  const { policy } = row;
  output.record(row, [
    ['forest', row.forest],
    ['origin', row.origin],
    [
      'domains',
      row.domains.map(({ domain, netbiosName }) => (netbiosName ? `${domain} (${netbiosName})` : domain)).join('\n'),
    ],
    ['audited from', row.origin === 'observed' ? row.auditedFrom : null],
    ['audited to', row.origin === 'observed' ? row.auditedTo : null],
    ['rule profile', policy?.ruleProfile],
    ['enforcement', policy?.enforcement],
    ['clock skew', policy && `${policy.clockSkewSeconds} s`],
    ['logon lifetime', policy && duration(policy.logonLifetimeSeconds)],
    ['ticket lifetime', policy && duration(policy.ticketLifetimeSeconds)],
    ['etypes', policy?.etypes.join(' ')],
    ['aliases', policy?.aliases.map(({ target, aliases }) => `${target} = ${aliases.join(' ')}`).join('\n')],
  ]);
}

/** Lifetimes are whole hours in practice. */
function duration(seconds: number): string {
  return seconds % 3_600 === 0 ? `${seconds / 3_600} h` : `${seconds} s`;
}
