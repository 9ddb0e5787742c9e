/** `kerbtrail account`: users, computers and managed service accounts of our own forests, and what is known of observed ones. */
import { type Command, Option } from 'commander';
import type { AccountRow } from '../account-names.js';
import type { HeldSpn } from '../holdings.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Page } from '../output.js';
import type { Sessions } from '../session.js';
import type { Column } from '../table.js';
import { ACCOUNT_KINDS, addAccountWrites } from './account-write.js';
import { type EventRow, eventColumns } from './events.js';

type ListOptions = {
  readonly name?: string;
  readonly domain?: string;
  readonly kind?: string;
  readonly deleted?: boolean;
};

const LIST_FILTERS = ['forest', 'limit', 'cursor'] as const satisfies readonly Filter[];
const SHOW_FILTERS = ['forest', 'asOf', 'asKnown'] as const satisfies readonly Filter[];
const TIMELINE_FILTERS = ['forest', 'since', 'until', 'limit', 'cursor'] as const satisfies readonly Filter[];

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
  addAccountWrites(account, sessions);
  addReads(account, sessions);
}

function addReads(account: Command, sessions: Sessions): void {
  addFilters(account.command('list'), LIST_FILTERS)
    .description('Accounts, own and observed.')
    .option('--name <name>', 'of this name: sAMAccountName, UPN, host name, DN, SID or id')
    .option('--domain <dns-name>', 'of this domain')
    .addOption(new Option('--kind <kind>', 'of this kind').choices(Object.keys(ACCOUNT_KINDS)))
    .option('--deleted', 'deleted ones too')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail account list --forest corp.example\n  kerbtrail account list --name svc-web',
    )
    .action(
      sessions.action<[], ListOptions>(async ({ client, output }, _, { name, domain, kind, deleted, ...options }) => {
        const kindOf = kind && ACCOUNT_KINDS[kind as keyof typeof ACCOUNT_KINDS];
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

function stateOf({ deletedAt, enabled }: AccountRow): string | null {
  if (deletedAt !== null) return 'deleted';
  return enabled === null ? null : enabled ? 'enabled' : 'disabled';
}
