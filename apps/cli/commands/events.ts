/** `kerbtrail events`: the log itself, found by what events are about, followed as it grows, or one event to its bytes. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../cli.error.js';
import { addFilters, type Filter, filtersOf, wholeNumber } from '../filters.js';
import type { Page } from '../output.js';
import type { Session, Sessions } from '../session.js';
import { type Column, renderFields, shortenInstants, visible } from '../table.js';

export type EventRow = {
  readonly position: number;
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: {
    readonly origin: string;
    readonly actor?: string;
    readonly source?: { readonly id: string; readonly record: number };
  };
};
type TailPage = { readonly rows: readonly EventRow[]; readonly next: number };
type OneEvent = { readonly event: EventRow; readonly leaf: string; readonly body: string };

type TailOptions = {
  readonly follow?: boolean;
  readonly lines?: number;
  readonly type?: string;
  readonly stream?: string;
};

const FILTERS = ['forest', 'account', 'spn', 'actor', 'code', 'since', 'until'] as const satisfies readonly Filter[];
const LIST_FILTERS = [...FILTERS, 'limit', 'cursor'] as const;
const WAIT_SECONDS = 25;
const PAGE = 1_000;
const POSITION_MAX = Number.MAX_SAFE_INTEGER;

export const eventColumns: readonly Column<EventRow>[] = [
  { head: 'POSITION', value: ({ position }) => position, align: 'right', paint: (text, _, colors) => colors.dim(text) },
  { head: 'OCCURRED', value: ({ occurredAt }) => occurredAt },
  { head: 'EVENT', value: ({ type }) => type, paint: paintType },
  { head: 'ABOUT', value: about },
];

function paintType(text: string, { type }: EventRow, colors: { red(text: string): string }): string {
  return /Refused|Rejected|Failed|Quarantined|NotFound|Ambiguous/.test(type) ? colors.red(text) : text;
}

export function addEventsCommands(program: Command, sessions: Sessions): void {
  const events = program
    .command('events')
    .summary('the event log')
    .description('The event log: every event, in order, for ever.');

  scoped(addFilters(events.command('list'), LIST_FILTERS))
    .description('Events by the instant at which they occurred, the newest first.')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail events list --spn HTTP/web1.corp.example\n  kerbtrail events list --account svc-old --since 2h -o jsonl',
    )
    .action(
      sessions.action<[], TailOptions>(async ({ client, output }, _, options) => {
        const parameters = { ...filtersOf(options, LIST_FILTERS), type: options.type, stream: options.stream };
        output.page(await client.get<Page<EventRow>>('/v1/events', parameters), eventColumns, 'no such event');
      }),
    );

  scoped(addFilters(events.command('tail'), FILTERS))
    .description('The last events of the log; with --follow also those to come, until Ctrl-C.')
    .option('-f, --follow', 'go on as events are appended')
    .addOption(new Option('-n, --lines <n>', 'how many of the last events').argParser(wholeNumber(0, PAGE)).default(10))
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail events tail -f\n  kerbtrail events tail -f --type SpnRegistrationRefused -o jsonl',
    )
    .action(sessions.action<[], TailOptions>((session, _, options) => tail(session, options)));

  events
    .command('get <position>')
    .description('One event with its hash and the exact bytes that the hash commits to.')
    .addHelpText('after', '\nExample:\n  kerbtrail events get 42')
    .action(sessions.action<[string]>((session, [position]) => getOne(session, readPosition(position))));
}

function scoped(command: Command): Command {
  return command
    .option('--type <type>', 'of this type, such as SpnRegistered')
    .option('--stream <stream>', 'of this stream');
}

function readPosition(text: string): number {
  try {
    return wholeNumber(1, POSITION_MAX)(text);
  } catch {
    throw new InvalidArgumentError(`${text} is not a position: a whole number from 1`);
  }
}

/** `--after` takes the place of "the last few": then everything after that position is told. */
async function tail({ client, output }: Session, options: TailOptions & { after?: number }): Promise<void> {
  const { follow = false, lines = 10, type, stream } = options;
  const filter = { ...filtersOf(options, FILTERS), type, stream };
  let after = options.after;
  if (after === undefined) {
    const { head } = await client.get<{ head: number }>('/ready', { after: undefined });
    const last = await client.get<Page<EventRow>>('/v1/events', { ...filter, limit: Math.max(lines, 1), after: head });
    printTail(output, lines === 0 ? [] : last.rows.toSorted((a, b) => a.position - b.position));
    if (!follow) return;
    after = head;
  }
  for (let more = true; more;) {
    const waitSeconds = follow ? WAIT_SECONDS : 0;
    const page: TailPage = await client.get('/v1/events/tail', { ...filter, after, limit: PAGE, waitSeconds });
    printTail(output, page.rows);
    more = follow || page.rows.length > 0;
    after = page.next;
  }
}

/** A line an event, so that it can go on. */
function printTail(output: Session['output'], rows: readonly EventRow[]): void {
  const { colors } = output;
  for (const row of rows) {
    if (output.format !== 'table') output.record(row, []);
    else {
      const type = paintType(row.type.padEnd(26), row, colors);
      output.say(
        `${colors.dim(String(row.position).padStart(7))}  ${row.occurredAt}  ${type}  ${about(row)}`.trimEnd(),
      );
    }
  }
}

async function getOne({ client, output }: Session, position: number): Promise<typeof EXIT.ok> {
  const found = await client.get<OneEvent>(`/v1/events/${position}`);
  const { event, leaf, body } = found;
  const { source, origin, actor } = event.metadata;
  output.record(found, [
    ['position', event.position],
    ['type', event.type],
    ['stream', `${event.stream}, version ${event.version}`],
    ['occurred', event.occurredAt],
    ['recorded', event.recordedAt],
    ['origin', source ? `${origin}: ${source.id}, record ${source.record}` : origin],
    ['actor', actor],
    ['data', renderData(event.data, output)],
    ['leaf', leaf],
    ['bytes', Buffer.byteLength(body)],
  ]);
  return EXIT.ok;
}

function renderData(data: EventRow['data'], { colors }: Session['output']): string {
  const fields = Object.entries(data).map(([name, value]) => [name, plain(value)] as const);
  return renderFields(fields, { colors, width: undefined });
}

function plain(value: unknown): string {
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}

/** What an event is about, in a few words: the fields that name somebody or something, in this order. */
const TELLING = [
  'clientName',
  'samAccountName',
  'account',
  'spn',
  'spns',
  'code',
  'status',
  'operation',
  'client',
  'service',
  'kvno',
  'actor',
  'roles',
  'token',
  'source',
  'name',
  'kind',
  'projection',
  'appended',
  'duplicates',
  'domain',
  'forest',
];
const TOLD_MAX = 3;
const WORD_MAX = 48;

export function about({ data }: EventRow): string {
  const told = TELLING.flatMap((name) => {
    const value = data[name];
    const [first, ...others] = Array.isArray(value) ? (value as unknown[]) : [value];
    if (first === undefined || first === null) return [];
    const text = typeof first === 'number' ? `${name} ${first}` : plain(first);
    const short = text.length > WORD_MAX ? `${text.slice(0, WORD_MAX - 1)}…` : text;
    return [shortenInstants(others.length > 0 ? `${short} +${others.length}` : short, undefined)];
  });
  return told.slice(0, TOLD_MAX).join('  ');
}
