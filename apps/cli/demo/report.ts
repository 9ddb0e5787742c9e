/** What the demo prints at its end: what the recording and the three authentications showed, as tables one can read. */
import type { Client } from '../client.js';
import type { AttemptRow } from '../commands/attempts.js';
import { type FailureRow, failureColumns } from '../commands/failures.js';
import { type FindingRow, showFindings } from '../commands/findings.js';
import { duplicateColumns, type DuplicateRow, showAssumption } from '../holdings.js';
import type { Output, Page } from '../output.js';
import { meanings, paintOutcome } from '../steps.js';
import type { Column } from '../table.js';
import { FOREST, services } from './demo-forest.js';

const EVER = { since: '1970-01-01T00:00:00Z' };
const ORDER = { order: 'asc' };

export async function report(client: Client, output: Output, recorded: string): Promise<void> {
  for (const [forest, what] of [
    [recorded, 'the recording'],
    [FOREST, 'the forest of the demo'],
  ] as const) {
    output.heading(`SPNs that two accounts held: ${what} (${forest})`);
    const { rows } = await client.get<Page<DuplicateRow>>('/v1/duplicates', { ...EVER, forest });
    output.rows(
      rows,
      duplicateColumns.filter(({ head }) => head !== 'DUPLICATE'),
      'none',
    );
    showAssumption(output, rows);
  }
  for (const [forest, what] of [
    [recorded, 'the recording'],
    [FOREST, 'the forest of the demo'],
  ] as const) {
    output.heading(`Failed mutual authentications: ${what}`);
    const { rows } = await client.get<Page<FailureRow>>('/v1/failures', { ...ORDER, forest });
    output.rows(rows, failureColumns, 'none');
  }
  output.heading('Three authentications, step by step');
  output.rows(await steps(client), stepColumns, 'none');
  output.heading('Findings');
  showFindings(output, await client.get<Page<FindingRow>>('/v1/findings'));
}

type StepLine = { readonly step: string; readonly states: readonly string[] };

const stepColumns: readonly Column<StepLine>[] = [
  { head: 'STEP', value: ({ step }) => (step === 'application' ? 'after' : step) },
  { head: 'WHAT HAPPENS', value: ({ step }) => meanings[step] },
  ...services.map(({ spn }, index): Column<StepLine> => ({
    head: spn.replace(`.${FOREST}`, ''),
    value: ({ states }) => states[index],
    paint: paintOutcome,
  })),
];

/** The first attempt at each service, side by side. */
async function steps(client: Client): Promise<StepLine[]> {
  const attempts = await Promise.all(
    services.map(async ({ spn }) => {
      const { rows } = await client.get<Page<AttemptRow>>('/v1/attempts', { ...ORDER, forest: FOREST, spn, limit: 1 });
      return rows[0];
    }),
  );
  return Object.keys(meanings).map((step) => ({
    step,
    states: attempts.map((attempt) => attempt?.steps.find((one) => one.step === step)?.outcome ?? ''),
  }));
}
