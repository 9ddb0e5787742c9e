/** `kerbtrail spn`: SPNs looked up and compared. setspn's switches are understood too (setspn.ts); writes are in spn-write.ts. */
import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../cli.error.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Page } from '../output.js';
import type { Session, Sessions } from '../session.js';
import {
  type Answer,
  duplicateColumns,
  type DuplicateRow,
  type HeldSpn,
  holdingColumns,
  showAssumption,
} from '../holdings.js';
import type { Column } from '../table.js';
import { addSpnWrites } from './spn-write.js';

type Holders = {
  readonly answer: Answer;
  readonly holders: readonly (HeldSpn & { readonly by: 'exact' | 'alias' })[];
  readonly more: boolean;
};

const LIST_FILTERS = ['forest', 'asOf', 'asKnown', 'limit', 'cursor'] as const satisfies readonly Filter[];
const DUPLICATE_FILTERS = [...LIST_FILTERS, 'since', 'until', 'spn'] as const satisfies readonly Filter[];
const HISTORY_FILTERS = ['forest', 'asKnown', 'limit', 'cursor'] as const satisfies readonly Filter[];
const HOLDER_FILTERS = ['forest', 'asOf', 'asKnown'] as const satisfies readonly Filter[];

export function addSpnCommands(program: Command, sessions: Sessions): void {
  const spn = program
    .command('spn')
    .summary('service principal names: who holds them, and twice')
    .description(
      "Service principal names. setspn's switches are understood: -S and -A add, -D delete, -L list, -Q query, -X duplicates.",
    );
  addSpnWrites(spn, sessions);
  addLookups(spn, sessions);
  addComparisons(spn, sessions);
}

function addLookups(spn: Command, sessions: Sessions): void {
  addFilters(spn.command('list <account>'), LIST_FILTERS)
    .description('The SPNs of an account, now or as of an instant. As setspn -L.')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail spn list svc-web\n  kerbtrail spn list svc-old --as-of "2026-11-22 10:53:34"',
    )
    .action(
      sessions.action<[string]>(async ({ client, output }, [account], options) => {
        const page = await client.get<Page<HeldSpn>>('/v1/spns', { account, ...filtersOf(options, LIST_FILTERS) });
        output.page(page, holdingColumns, `no SPN is known of ${account}`);
      }),
    );

  addFilters(spn.command('query <spn>'), LIST_FILTERS)
    .description(
      'Who holds an SPN, now or as of an instant: yes, no or not known. "*" stands for any characters. As setspn -Q.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail spn query HTTP/web1.corp.example --as-of "2026-11-22 10:53:33"\n  kerbtrail spn query "*/web1*"\nNext:\n  kerbtrail spn history SPN',
    )
    .action(sessions.action<[string]>((session, [name], options) => query(session, name, options)));

  addFilters(spn.command('history <spn>'), HISTORY_FILTERS)
    .description('Every time that any account held an SPN.')
    .addHelpText('after', '\nExample:\n  kerbtrail spn history cifs/files.corp.example')
    .action(
      sessions.action<[string]>(async ({ client, output }, [name], options) => {
        const parameters = { spn: name, ...filtersOf(options, HISTORY_FILTERS) };
        const page = await client.get<Page<HeldSpn>>('/v1/spns/history', parameters);
        output.page(page, holdingColumns, `nobody is known to have held ${name}`);
      }),
    );
}

async function query({ client, output }: Session, name: string, options: object): Promise<void> {
  if (name.includes('*')) {
    const page = await client.get<Page<HeldSpn>>('/v1/spns', { spn: name, ...filtersOf({ ...options }, LIST_FILTERS) });
    output.page(page, holdingColumns, `no SPN like ${name} is known`);
    return;
  }
  const found = await client.get<Holders>('/v1/spns/holders', {
    spn: name,
    ...filtersOf({ ...options }, HOLDER_FILTERS),
  });
  if (output.format !== 'table') return output.record(found, []);
  const by: Column<Holders['holders'][number]> = { head: 'BY', value: ({ by }) => by };
  output.rows(found.holders, [...holdingColumns, by], `nobody is known to have held ${name}`);
  if (found.holders.length === 0) return;
  output.say();
  const held = { yes: 'held', no: 'not held', 'not-known': 'held by nobody for certain: not known' }[found.answer];
  output.say(`${name} is ${held}${found.more ? '; there are more holders than shown' : ''}`);
}

function addComparisons(spn: Command, sessions: Sessions): void {
  addFilters(spn.command('duplicates'), DUPLICATE_FILTERS)
    .description(
      'SPNs that more than one account holds, now, as of an instant, or at any time of a range. As setspn -X -F.',
    )
    .addOption(
      new Option('--kind <kind>', 'exact value, alias clash, or equal but for invisible characters').choices([
        'exact',
        'alias',
        'unicode',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail spn duplicates\n  kerbtrail spn duplicates --as-of "2026-11-22 10:53:34" --kind exact\n  kerbtrail spn duplicates --since 2026-11-01\nNext:\n  kerbtrail spn history SPN, kerbtrail failures --spn SPN\nExit code 1 when there is one, those by design aside.',
    )
    .action(sessions.action<[], { readonly kind?: string }>((session, _, options) => duplicates(session, options)));
}

async function duplicates(
  { client, output }: Session,
  { kind, ...options }: { readonly kind?: string },
): Promise<ExitCode> {
  const page = await client.get<Page<DuplicateRow>>('/v1/duplicates', {
    kind,
    ...filtersOf(options, DUPLICATE_FILTERS),
  });
  output.page(page, duplicateColumns, 'no duplicate');
  showAssumption(output, page.rows);
  return page.rows.some(({ answer, isByDesign }) => answer !== 'no' && !isByDesign) ? EXIT.findings : EXIT.ok;
}
