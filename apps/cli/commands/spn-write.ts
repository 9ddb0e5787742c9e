/** `kerbtrail spn add|set|delete|check`: writes of an account's SPNs, and what would clash if one were made. */
import { parseSpn } from '#spn';
import type { Command } from 'commander';
import { type AccountRow, resolveAccount } from '../account-names.js';
import { CliError, EXIT, type ExitCode, usageError } from '../cli.error.js';
import type { Client } from '../client.js';
import type { HeldSpn } from '../holdings.js';
import type { Output, Page } from '../output.js';
import { ServerProblem } from '../problem.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type Named = { readonly forest?: string };
type Holder = { readonly account: string; readonly spn: string; readonly by: string };
type Written = {
  readonly account: string;
  readonly registered: readonly string[];
  readonly removed: readonly string[];
  readonly conflicts: readonly { readonly spn: string; readonly holders: readonly Holder[] }[];
};
type Checked = {
  readonly spn: string;
  readonly invalid: { readonly code: string; readonly message: string } | null;
  readonly clashes: readonly (HeldSpn & { readonly by: string })[];
};
type Finding = {
  readonly spn: string;
  readonly finding: string;
  readonly account?: string | undefined;
  readonly held?: string | undefined;
};

const findingColumns: readonly Column<Finding>[] = [
  { head: 'SPN', value: ({ spn }) => spn },
  {
    head: 'FINDING',
    value: ({ finding }) => finding,
    paint: (text, _, colors) => (text === 'free' ? colors.green(text) : text === 'held' ? text : colors.red(text)),
  },
  { head: 'ACCOUNT', value: ({ account }) => account },
  { head: 'HOLDS', value: ({ held }) => held },
];

const CLASHES: Readonly<Record<string, string>> = {
  exact: 'held by another account',
  unicode: 'held, but for invisible characters',
  alias: 'clashes by alias',
  held: 'held',
  'same-account': 'held by this account',
  upn: 'is a user principal name',
};

export function addSpnWrites(spn: Command, sessions: Sessions): void {
  named(spn.command('add <account> <spn...>'))
    .description('Register SPNs on an account, all or none. As setspn -A; with --check as setspn -S.')
    .option('--check', 'look first whether another account holds one, and add nothing then')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail spn add svc-web HTTP/web1.corp.example HTTP/web1\n  kerbtrail spn add --check svc-sql MSSQLSvc/sql1.corp.example:1433\n  kerbtrail spn -S HTTP/web1.corp.example svc-web\nNext:\n  kerbtrail spn list svc-web\nExit code 1 when it was refused.',
    )
    .action(
      sessions.action<[string, string[]], Named & { readonly check?: boolean }>(
        async (session, [account, spns], options) => {
          checkNames(account, spns);
          if (options.check && !(await isFree(session, account, spns, options.forest))) {
            throw new CliError(EXIT.findings, 'SPN_HELD', 'nothing was added: another account holds it', {
              next: 'kerbtrail spn query SPN; without --check the rules of the forest alone decide',
            });
          }
          await write(session, 'POST', account, options.forest, '/spns', spns);
        },
      ),
    );

  named(spn.command('set <account> [spn...]'))
    .description('Replace the whole list of an account; without SPNs it is cleared.')
    .addHelpText('after', '\nExample:\n  kerbtrail spn set svc-web HTTP/web1.corp.example HTTP/web1')
    .action(
      sessions.action<[string, string[]], Named>((session, [account, spns], { forest }) => {
        checkNames(account, spns);
        return write(session, 'PUT', account, forest, '/spns', spns);
      }),
    );

  named(spn.command('delete <account> <spn...>'))
    .description('Remove SPNs from an account. As setspn -D.')
    .addHelpText('after', '\nExample:\n  kerbtrail spn delete svc-old HTTP/web1.corp.example')
    .action(
      sessions.action<[string, string[]], Named>((session, [account, spns], { forest }) => {
        checkNames(account, spns);
        return write(session, 'POST', account, forest, '/spns/remove', spns);
      }),
    );

  named(spn.command('check <account> <spn...>'))
    .description(
      'Say before registering what would clash: another holder, an alias, invisible characters, a malformed name.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail spn check svc-new HTTP/web1.corp.example\nExit code 1 when something would clash.',
    )
    .action(
      sessions.action<[string, string[]], Named>(
        async ({ client, output }, [account, spns], { forest }): Promise<ExitCode> => {
          checkNames(account, spns);
          const checked = await check(client, account, spns, forest);
          if (output.format === 'table') output.rows(checked.flatMap(findingsOf), findingColumns, '');
          else output.rows(checked, [], '');
          return checked.every(isClean) ? EXIT.ok : EXIT.findings;
        },
      ),
    );
}

function named(command: Command): Command {
  return command.option('--forest <forest>', 'forest of the account, when its name alone is not enough');
}

/** An SPN has a slash, an account none: a swapped order is told before anything is sent. Throws usage and syntax errors. */
function checkNames(account: string, spns: readonly string[]): void {
  if (account.includes('/'))
    throw usageError(`${account} is an SPN: the account comes first`, 'kerbtrail spn add ACCOUNT SPN…');
  for (const spn of spns) parseSpn(spn);
}

async function check(
  client: Client,
  account: string,
  spns: readonly string[],
  forest?: string,
): Promise<readonly Checked[]> {
  const body = { account, spns, forest };
  return (await client.command<{ rows: readonly Checked[] }>('POST', '/v1/spns/check', body)).rows;
}

async function isFree(
  { client, output }: Session,
  account: string,
  spns: readonly string[],
  forest?: string,
): Promise<boolean> {
  const checked = await check(client, account, spns, forest);
  const clashing = checked.filter((one) => !isClean(one));
  if (clashing.length > 0) output.rows(clashing.flatMap(findingsOf), findingColumns, '');
  return clashing.length === 0;
}

function isClean({ invalid, clashes }: Checked): boolean {
  return invalid === null && clashes.every(({ by }) => by === 'held');
}

function findingsOf({ spn, invalid, clashes }: Checked): Finding[] {
  if (invalid) return [{ spn, finding: `${invalid.code}: ${invalid.message}` }];
  if (clashes.length === 0) return [{ spn, finding: 'free' }];
  return clashes.map((clash) => ({
    spn,
    finding: CLASHES[clash.by] ?? clash.by,
    account: clash.samAccountName ?? clash.account,
    held: clash.spn,
  }));
}

async function write(
  { client, output }: Session,
  method: 'POST' | 'PUT',
  account: string,
  forest: string | undefined,
  path: string,
  spns: readonly string[],
): Promise<void> {
  const id = await resolveAccount(client, account, forest);
  try {
    const written = await client.command<Written>(method, `/v1/accounts/${encodeURIComponent(id)}${path}`, { spns });
    output.record(written, [
      ['account', account],
      ['added', written.registered.join('\n')],
      ['removed', written.removed.join('\n')],
    ]);
    for (const { spn, holders } of written.conflicts) {
      output.say(output.colors.yellow(`${spn} is now a duplicate: the forest audits, it does not enforce.`));
      await showHolders(client, output, spn, holders);
    }
  } catch (error) {
    const holders =
      error instanceof ServerProblem ? (error.problem['holders'] as readonly Holder[] | undefined) : undefined;
    if (holders?.length) await showHolders(client, output, spns.join(' '), holders);
    throw error;
  }
}

async function showHolders(client: Client, output: Output, spn: string, holders: readonly Holder[]): Promise<void> {
  const rows = await Promise.all(
    holders.map(async ({ account, spn: held, by }) => {
      return { spn, finding: CLASHES[by] ?? by, account: await nameOf(client, account), held };
    }),
  );
  output.rows(rows, findingColumns, '');
}

/** Events know accounts by their id, people by their name; who may write but not read is told the id. */
async function nameOf(client: Client, account: string): Promise<string> {
  try {
    const { rows } = await client.get<Page<AccountRow>>('/v1/accounts', { name: account });
    return rows[0]?.samAccountName ?? account;
  } catch (error) {
    if (error instanceof ServerProblem) return account;
    throw error;
  }
}
