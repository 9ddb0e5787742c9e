/** `kerbtrail account`: users, computers and managed service accounts of our own forests, and what is known of observed ones. */
import { type Command, Option } from 'commander';
import { type AccountRow, resolveAccount } from '../account-names.js';
import { usageError } from '../cli.error.js';
import type { Client } from '../client.js';
import type { HeldSpn } from '../holdings.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Page } from '../output.js';
import { PASSWORD_VARIABLE, readPassword } from '../password.js';
import type { Session, Sessions, Terminal } from '../session.js';
import type { Column } from '../table.js';
import { type EventRow, eventColumns } from './events.js';

type Named = { readonly forest?: string };
type PasswordOptions = { readonly passwordStdin?: boolean };
type NewAccount = Named &
  PasswordOptions & {
    readonly domain: string;
    readonly kind: string;
    readonly upn?: string;
    readonly dnsHost?: string;
    readonly disabled?: boolean;
    readonly withoutPassword?: boolean;
  };

type ListOptions = {
  readonly name?: string;
  readonly domain?: string;
  readonly kind?: string;
  readonly deleted?: boolean;
};

const KINDS = { user: 'user', computer: 'computer', service: 'managedService' } as const;
const LIST_FILTERS = ['forest', 'limit', 'cursor'] as const satisfies readonly Filter[];
const SHOW_FILTERS = ['forest', 'asOf', 'asKnown'] as const satisfies readonly Filter[];
const TIMELINE_FILTERS = ['forest', 'since', 'until', 'limit', 'cursor'] as const satisfies readonly Filter[];
const PASSWORD_HELP = `The password is asked for without echo, read from standard input with --password-stdin, or taken from the variable ${PASSWORD_VARIABLE}.`;

const columns: readonly Column<AccountRow>[] = [
  { head: 'ACCOUNT', value: ({ samAccountName, account }) => samAccountName ?? account },
  { head: 'KIND', value: ({ kind }) => kind },
  { head: 'FOREST', value: ({ forest }) => forest },
  { head: 'STATE', value: stateOf, paint: (text, _, colors) => (text === 'enabled' ? text : colors.yellow(text)) },
  { head: 'KVNO', value: ({ kvno }) => kvno, align: 'right' },
  { head: 'ID', value: ({ account }) => account, paint: (text, _, colors) => colors.dim(text) },
];

export function addAccountCommands(program: Command, sessions: Sessions): void {
  const account = program
    .command('account')
    .summary('users, computers and service accounts')
    .description(
      'Users, computers and managed service accounts. An account is named by its sAMAccountName, its UPN or its id.',
    );
  addWrites(account, sessions);
  addReads(account, sessions);
}

function addReads(account: Command, sessions: Sessions): void {
  addFilters(account.command('list'), LIST_FILTERS)
    .description('Accounts, own and observed.')
    .option('--name <name>', 'of this name: sAMAccountName, UPN, host name, DN, SID or id')
    .option('--domain <dns-name>', 'of this domain')
    .addOption(new Option('--kind <kind>', 'of this kind').choices(Object.keys(KINDS)))
    .option('--deleted', 'deleted ones too')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail account list --forest corp.example\n  kerbtrail account list --name svc-web',
    )
    .action(
      sessions.action<[], ListOptions>(async ({ client, output }, _, { name, domain, kind, deleted, ...options }) => {
        const kindOf = kind && KINDS[kind as keyof typeof KINDS];
        const parameters = { ...filtersOf(options, LIST_FILTERS), name, domain, kind: kindOf, deleted };
        output.page(
          await client.get<Page<AccountRow>>('/v1/accounts', parameters),
          columns,
          'no account: kerbtrail account create --help',
        );
      }),
    );

  addFilters(account.command('show <account>'), SHOW_FILTERS)
    .description('One account, own or observed, as it is or as it was: names, state, key version and SPNs.')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail account show svc-web\n  kerbtrail account show svc-old --as-of "2026-11-22 10:53:34"',
    )
    .action(
      sessions.action<[string]>(async ({ client, output }, [name], options) => {
        const path = `/v1/accounts/${encodeURIComponent(name)}`;
        const row = await client.get<AccountRow & { readonly spns: readonly HeldSpn[] }>(
          path,
          filtersOf(options, SHOW_FILTERS),
        );
        output.record(row, [
          ['account', row.samAccountName],
          ['id', row.account],
          ['forest', row.forest],
          ['domain', row.domain],
          ['kind', row.kind],
          ['state', stateOf(row)],
          ['UPN', row.userPrincipalName],
          ['DNS host', row.dnsHostName],
          ['key version', row.kvno],
          ['password set', row.passwordChangedAt],
          ['created', row.createdAt],
          ['deleted', row.deletedAt],
          ['SPNs', row.spns.map(({ spn, answer }) => (answer === 'yes' ? spn : `${spn} (not known)`)).join('\n')],
        ]);
        output.say(output.colors.dim(`next: kerbtrail account timeline ${name}`));
      }),
    );

  addFilters(account.command('timeline <account>'), TIMELINE_FILTERS)
    .description('Everything that happened to an account and that it did, the newest first.')
    .addHelpText('after', '\nExample:\n  kerbtrail account timeline svc-old --since 2026-11-22')
    .action(
      sessions.action<[string]>(async ({ client, output }, [name], options) => {
        const path = `/v1/accounts/${encodeURIComponent(name)}/timeline`;
        const page = await client.get<Page<EventRow>>(path, filtersOf(options, TIMELINE_FILTERS));
        output.page(page, eventColumns, 'nothing is known to have happened to it');
      }),
    );
}

function addWrites(account: Command, sessions: Sessions): void {
  const { terminal } = sessions;
  named(account.command('create <name>'))
    .description(`Make an account. ${PASSWORD_HELP}`)
    .requiredOption('--domain <dns-name>', 'domain it belongs to')
    .addOption(new Option('--kind <kind>', 'what it is').choices(Object.keys(KINDS)).default('user'))
    .option('--upn <name>', 'user principal name, such as alice@corp.example')
    .option('--dns-host <name>', 'DNS host name of a computer or managed service account')
    .option('--disabled', 'make it disabled')
    .option('--password-stdin', 'read the password from standard input')
    .option('--without-password', 'give it no password: it has no keys then')
    .addHelpText(
      'after',
      "\nExamples:\n  kerbtrail account create alice --domain corp.example\n  kerbtrail account create 'WEB1$' --kind computer --domain corp.example --dns-host web1.corp.example\nNext:\n  kerbtrail spn add svc-web HTTP/web1.corp.example",
    )
    .action(sessions.action<[string], NewAccount>((session, [name], options) => createAccount(session, name, options)));

  named(account.command('rename <account>'))
    .description("Change an account's names; the SPNs of a computer follow its host names.")
    .option('--name <name>', 'new sAMAccountName')
    .option('--upn <name>', 'new user principal name; "" removes it')
    .option('--dns-host <name>', 'new DNS host name; "" removes it')
    .action(
      sessions.action<[string], Named & { name?: string; upn?: string; dnsHost?: string }>(
        async ({ client, output }, [old], options) => {
          const { name, upn, dnsHost, forest } = options;
          if (name === undefined && upn === undefined && dnsHost === undefined) {
            throw usageError('nothing to change: give --name, --upn or --dns-host');
          }
          const body = { samAccountName: name, userPrincipalName: orNull(upn), dnsHostName: orNull(dnsHost) };
          const answer = await client.command<SpnChange>('PATCH', await pathOf(client, old, forest), body);
          output.record(answer, [
            ['account', name ?? old],
            ['SPNs added', answer.registered.join('\n')],
            ['SPNs removed', answer.removed.join('\n')],
          ]);
        },
      ),
    );

  named(account.command('set-password <account>'))
    .description(`Set the password: new keys under the next key version. ${PASSWORD_HELP}`)
    .option('--password-stdin', 'read the password from standard input')
    .action(
      sessions.action<[string], Named & PasswordOptions>(async ({ client, output }, [name], options) => {
        const path = await pathOf(client, name, options.forest);
        const password = await newPassword(terminal, name, options);
        const answer = await client.command<{ kvno: number }>('PUT', `${path}/password`, { password });
        output.record(answer, [
          ['account', name],
          ['key version', answer.kvno],
        ]);
      }),
    );

  for (const verb of ['enable', 'disable'] as const) {
    named(account.command(`${verb} <account>`))
      .description(
        verb === 'enable' ? 'Enable an account.' : 'Disable an account: it can neither log on nor be a service.',
      )
      .action(
        sessions.action<[string], Named>(async ({ client, output }, [name], { forest }) => {
          const answer = await client.command('POST', `${await pathOf(client, name, forest)}/${verb}`);
          output.record(answer, [
            ['account', name],
            ['state', `${verb}d`],
          ]);
        }),
      );
  }

  named(account.command('delete <account>'))
    .description('Delete an account: it then holds no SPN and no name.')
    .action(
      sessions.action<[string], Named>(async ({ client, output }, [name], { forest }) => {
        const answer = await client.command('DELETE', await pathOf(client, name, forest));
        output.record(answer, [
          ['account', name],
          ['state', 'deleted'],
        ]);
      }),
    );
}

type SpnChange = { readonly registered: readonly string[]; readonly removed: readonly string[] };

async function createAccount({ client, output, terminal }: Session, name: string, options: NewAccount): Promise<void> {
  const password = options.withoutPassword ? undefined : await newPassword(terminal, name, options);
  const body = {
    forest: options.forest ?? (await forestOf(client, options.domain)),
    domain: options.domain,
    kind: KINDS[options.kind as keyof typeof KINDS],
    samAccountName: name,
    userPrincipalName: options.upn,
    dnsHostName: options.dnsHost,
    password,
    enabled: !options.disabled,
  };
  const answer = await client.command<{ account: string; kvno: number }>('POST', '/v1/accounts', body);
  output.record(answer, [
    ['account', name],
    ['id', answer.account],
    ['key version', answer.kvno],
  ]);
  output.say(output.colors.dim(`next: kerbtrail spn add ${name.includes('$') ? `'${name}'` : name} CLASS/host`));
}

/** A domain belongs to one forest; when none is known to have it, its own name is the best guess for the server to judge. */
async function forestOf(client: Client, domain: string): Promise<string> {
  const wanted = domain.toLowerCase();
  const { rows } =
    await client.get<Page<{ forest: string; origin: string; domains: readonly { domain: string }[] }>>('/v1/forests');
  const forest = rows.find((row) => row.origin === 'own' && row.domains.some(({ domain }) => domain === wanted));
  return forest?.forest ?? wanted;
}

function newPassword(terminal: Terminal, name: string, { passwordStdin }: PasswordOptions): Promise<string> {
  return readPassword({ ...terminal, fromStdin: passwordStdin }, `new password of ${name}`, { confirm: true });
}

async function pathOf(client: Client, name: string, forest: string | undefined): Promise<string> {
  return `/v1/accounts/${encodeURIComponent(await resolveAccount(client, name, forest))}`;
}

function named(command: Command): Command {
  return command.option('--forest <forest>', 'forest of the account, when its name alone is not enough');
}

function orNull(text: string | undefined): string | null | undefined {
  return text === '' ? null : text;
}

function stateOf({ deletedAt, enabled }: AccountRow): string | null {
  if (deletedAt !== null) return 'deleted';
  return enabled === null ? null : enabled ? 'enabled' : 'disabled';
}
