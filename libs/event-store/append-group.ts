/**
 * One group of items, encoded and sent to log.append_group (prisma/migrations/0002_event_log): one round trip, one
 * commit. The columns below are that function's arguments, in its order.
 */
import type { Pool, PoolClient, QueryConfig } from 'pg';
import type { PreparedItem, PreparedWrite } from './append-item.js';
import { encodeEvent } from './event-body.js';
import type { AppendResult } from './event-store.js';
import { NO_STREAM, type StreamHead } from './stream-heads.js';

/** No answer within this time: the outcome is unknown. Above the server's own lock and transaction timeouts. */
const ANSWER_TIMEOUT_MS = 10_000;
const ANY_VERSION = null;
const NOT_ENCODED = -1;

/** `moved`: not judged against the item; its events follow another version than the stream's last, encode them again. */
export type Outcome = AppendResult | { readonly status: 'moved' };

export type GroupAnswer = {
  /** One per item; null when the group was recorded before the log's last event and nothing was judged. */
  readonly outcomes: readonly Outcome[] | null;
  /** Streams as they are now, as far as this group wrote them. */
  readonly heads: ReadonlyMap<string, StreamHead>;
  readonly lastRecordedAt: string;
  /** Events that fit into the partitions that exist. */
  readonly room: number;
};

/** `checks` and `events` are columns: their keys stand in the order of the function's arguments. */
type EncodedGroup = {
  readonly items: readonly PreparedItem[];
  readonly streams: string[];
  readonly checks: {
    items: number[];
    streams: number[];
    expected: (number | null)[];
    bases: number[];
    events: number[];
  };
  readonly events: {
    items: number[];
    streams: number[];
    versions: number[];
    ids: string[];
    types: string[];
    schemaVersions: number[];
    bodies: string[];
    leaves: string[];
  };
  /** Per item: the heads that its writes leave behind. */
  readonly headsAfter: Map<string, StreamHead>[];
};

/** Throws what the driver throws. */
export async function appendGroup(
  connection: Pool | PoolClient,
  items: readonly PreparedItem[],
  headOf: (stream: string) => StreamHead | undefined,
  recordedAt: string,
): Promise<GroupAnswer> {
  const group = encodeGroup(items, headOf, recordedAt);
  const query: QueryConfig & { query_timeout: number } = {
    name: 'log.append_group',
    text: 'SELECT * FROM log.append_group($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)',
    values: [
      recordedAt,
      ...itemColumns(items),
      group.streams,
      ...Object.values(group.checks),
      ...Object.values(group.events),
    ],
    query_timeout: ANSWER_TIMEOUT_MS,
  };
  const { rows } = await connection.query<AnswerRow>(query);
  return readAnswer(group, rows[0]!);
}

function itemColumns(items: readonly PreparedItem[]): [ids: string[], digests: string[], replies: (string | null)[]] {
  return [
    items.map(({ id }) => id),
    items.map(({ digest }) => `\\x${Buffer.from(digest).toString('hex')}`),
    items.map(({ replyText }) => replyText),
  ];
}

/** Encodes each item after those before it, as if they were all committed; the function judges whether they were. */
function encodeGroup(
  items: readonly PreparedItem[],
  headOf: (stream: string) => StreamHead | undefined,
  recordedAt: string,
): EncodedGroup {
  const group: EncodedGroup = {
    items,
    streams: [],
    checks: { items: [], streams: [], expected: [], bases: [], events: [] },
    events: { items: [], streams: [], versions: [], ids: [], types: [], schemaVersions: [], bodies: [], leaves: [] },
    headsAfter: [],
  };
  const heads = new Map<string, StreamHead>();
  const indices = new Map<string, number>();
  const indexOf = (stream: string): number => {
    let index = indices.get(stream);
    if (index === undefined) indices.set(stream, (index = group.streams.push(stream)));
    return index;
  };

  items.forEach((item, n) => {
    for (const { stream, version } of item.guards) addCheck(group, n + 1, indexOf(stream), version, version, 0);
    const bases = item.writes.map((write) => baseOf(write, heads.get(write.stream) ?? headOf(write.stream)));
    const complete = bases.every((base) => base !== undefined);
    const headsAfter = new Map<string, StreamHead>();
    item.writes.forEach((write, w) => {
      const index = indexOf(write.stream);
      const expected = write.expected === 'any' ? ANY_VERSION : write.expected;
      if (!complete) return addCheck(group, n + 1, index, expected, NOT_ENCODED, 0);
      addCheck(group, n + 1, index, expected, bases[w]!.version, write.events.length);
      headsAfter.set(write.stream, addEvents(group, n + 1, index, write, bases[w]!, recordedAt));
    });
    for (const [stream, head] of headsAfter) heads.set(stream, head);
    group.headsAfter.push(headsAfter);
  });
  return group;
}

/**
 * The head that a write's events follow. None when the write expects another version than the stream is known to have:
 * then only the database can tell a conflict from a retry of what it has long committed.
 */
function baseOf({ expected }: PreparedWrite, head: StreamHead | undefined): StreamHead | undefined {
  if (expected === 0 && !head) return NO_STREAM;
  return expected === 'any' || expected === head?.version ? head : undefined;
}

function addCheck(
  { checks }: EncodedGroup,
  item: number,
  stream: number,
  expected: number | null,
  base: number,
  events: number,
): void {
  checks.items.push(item);
  checks.streams.push(stream);
  checks.expected.push(expected);
  checks.bases.push(base);
  checks.events.push(events);
}

function addEvents(
  { events }: EncodedGroup,
  item: number,
  stream: number,
  write: PreparedWrite,
  base: StreamHead,
  recordedAt: string,
): StreamHead {
  let { version, leaf: prev } = base;
  for (const draft of write.events) {
    version += 1;
    const { body, leaf } = encodeEvent(draft, { prev, recordedAt, version });
    events.items.push(item);
    events.streams.push(stream);
    events.versions.push(version);
    events.ids.push(draft.id);
    events.types.push(draft.type);
    events.schemaVersions.push(draft.schemaVersion);
    events.bodies.push(body);
    events.leaves.push(`\\x${leaf}`);
    prev = leaf;
  }
  return { version, leaf: prev };
}

type AnswerRow = {
  outcomes: ('committed' | 'duplicate' | 'id_reuse' | 'conflict' | 'moved')[] | null;
  positions: (number | null)[];
  replies: (string | null)[];
  conflict_checks: (number | null)[];
  conflict_versions: (number | null)[];
  last_recorded_at: string;
  room: number;
};

function readAnswer(group: EncodedGroup, row: AnswerRow): GroupAnswer {
  const heads = new Map<string, StreamHead>();
  const outcomes = row.outcomes?.map((status, n): Outcome => {
    const item = group.items[n]!;
    switch (status) {
      case 'committed':
        for (const [stream, head] of group.headsAfter[n]!) heads.set(stream, head);
        return { status, position: row.positions[n]!, reply: item.reply };
      case 'duplicate':
        return { status, position: row.positions[n]!, reply: JSON.parse(row.replies[n] ?? 'null') };
      case 'id_reuse':
        return { status, id: item.id };
      case 'conflict': {
        const check = row.conflict_checks[n]! - 1;
        const stream = group.streams[group.checks.streams[check]! - 1]!;
        return { status, stream, expected: group.checks.expected[check]!, actual: row.conflict_versions[n]! };
      }
      case 'moved':
        return { status };
    }
  });
  return { outcomes: outcomes ?? null, heads, lastRecordedAt: row.last_recorded_at, room: row.room };
}
