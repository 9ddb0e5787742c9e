/** `kerbtrail findings`: what in the directories deserves a look, with its bounds and its evidence. */
import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../cli.error.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import { began, ended, type Interval } from '../intervals.js';
import type { Output, Page } from '../output.js';
import type { Sessions } from '../session.js';
import type { Column } from '../table.js';

export type FindingRow = Interval & {
  readonly kind: keyof typeof FINDING_KINDS;
  readonly forest: string;
  readonly account: string | null;
  readonly samAccountName: string | null;
  readonly spn: string | null;
  readonly detail: unknown;
};

/** What each kind means. */
const FINDING_KINDS = {
  'unaudited-write': 'an SPN stands that no audit record added, although an audit log tells of that time',
  'invisible-character': "an SPN holds characters that a KDC's lookup drops, so that it finds another name",
  'alias-map-assumed': "alias clashes rest on Active Directory's default alias map: nobody told the forest's own",
} as const;

const FILTERS = ['forest', 'account', 'spn', 'since', 'until', 'limit', 'cursor'] as const satisfies readonly Filter[];

const columns: readonly Column<FindingRow>[] = [
  { head: 'FINDING', value: ({ kind }) => kind, paint: (text, _, colors) => colors.yellow(text) },
  {
    head: 'ABOUT',
    value: ({ spn, samAccountName, account, forest }) =>
      [spn, samAccountName ?? account].filter(Boolean).join(' on ') || forest,
  },
  { head: 'SINCE', value: began },
  { head: 'UNTIL', value: ended },
];

export function addFindingsCommand(program: Command, sessions: Sessions): void {
  addFilters(program.command('findings'), FILTERS)
    .summary('what in the directories deserves a look')
    .description('Findings about SPNs: unaudited writes, invisible characters, assumptions.')
    .addOption(new Option('--kind <kind>', 'only these').choices(Object.keys(FINDING_KINDS)))
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail findings --kind unaudited-write\nNext:\n  kerbtrail spn history SPN\nExit code 1 when there is one.',
    )
    .action(
      sessions.action<[], { readonly kind?: string }>(
        async ({ client, output }, _, { kind, ...options }): Promise<ExitCode> => {
          const page = await client.get<Page<FindingRow>>('/v1/findings', { kind, ...filtersOf(options, FILTERS) });
          if (output.format === 'table') showFindings(output, page);
          else output.page(page, columns, '');
          return page.rows.length > 0 ? EXIT.findings : EXIT.ok;
        },
      ),
    );
}

export function showFindings(output: Output, page: Page<FindingRow>): void {
  output.page(page, columns, 'no finding');
  for (const kind of new Set(page.rows.map(({ kind }) => kind))) {
    output.say(output.colors.dim(`${kind}: ${FINDING_KINDS[kind] ?? ''}`));
  }
}
