/** `kerbtrail account create|rename|set-password|enable|disable|delete`: accounts of our own forests, changed. */
import { type Command, Option } from 'commander';
import { resolveAccount } from '../account-names.js';
import { usageError } from '../cli.error.js';
import type { Client } from '../client.js';
import type { Page } from '../output.js';
import { PASSWORD_VARIABLE, readPassword } from '../password.js';
import type { Session, Sessions, Terminal } from '../session.js';

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

type SpnChange = { readonly registered: readonly string[]; readonly removed: readonly string[] };

export const ACCOUNT_KINDS = { user: 'user', computer: 'computer', service: 'managedService' } as const;
const PASSWORD_HELP = `The password is asked for without echo, read from standard input with --password-stdin, or taken from the variable ${PASSWORD_VARIABLE}.`;

export function addAccountWrites(account: Command, sessions: Sessions): void {
  addCreation(account, sessions);
  addChanges(account, sessions);
  addStates(account, sessions);
}

function addCreation(account: Command, sessions: Sessions): void {
  named(account.command('create <name>'))
    .description(`Make an account. ${PASSWORD_HELP}`)
    .requiredOption('--domain <dns-name>', 'domain it belongs to')
    .addOption(new Option('--kind <kind>', 'what it is').choices(Object.keys(ACCOUNT_KINDS)).default('user'))
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
}

function addChanges(account: Command, sessions: Sessions): void {
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
      sessions.action<[string], Named & PasswordOptions>(async ({ client, output, terminal }, [name], options) => {
        const path = await pathOf(client, name, options.forest);
        const password = await newPassword(terminal, name, options);
        const answer = await client.command<{ kvno: number }>('PUT', `${path}/password`, { password });
        output.record(answer, [
          ['account', name],
          ['key version', answer.kvno],
        ]);
      }),
    );
}

function addStates(account: Command, sessions: Sessions): void {
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

async function createAccount({ client, output, terminal }: Session, name: string, options: NewAccount): Promise<void> {
  const password = options.withoutPassword ? undefined : await newPassword(terminal, name, options);
  const body = {
    forest: options.forest ?? (await forestOf(client, options.domain)),
    domain: options.domain,
    kind: ACCOUNT_KINDS[options.kind as keyof typeof ACCOUNT_KINDS],
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
