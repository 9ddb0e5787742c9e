/** One group of items sent to log.append_group (prisma/migrations/0002_event_log): one round trip, one commit. */
import type { Pool, PoolClient, QueryConfig } from 'pg';
import type { PreparedItem } from './append-item.js';
import { byteaArray, integerArray, textArray, uuidArray } from './array-parameter.js';
import { type EncodedGroup, encodeGroup } from './encode-group.js';
import type { AppendResult } from './event-store.js';
import type { StreamHead } from './stream-heads.js';

/** No answer within this time: the outcome is unknown. Above the server's own lock and transaction timeouts. */
const ANSWER_TIMEOUT_MS = 10_000;

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

type AnswerRow = {
  readonly outcomes: readonly ('committed' | 'duplicate' | 'id_reuse' | 'conflict' | 'moved')[] | null;
  readonly positions: readonly (number | null)[];
  readonly replies: readonly (string | null)[];
  readonly conflict_checks: readonly (number | null)[];
  readonly conflict_versions: readonly (number | null)[];
  readonly last_recorded_at: string;
  readonly room: number;
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
    values: [recordedAt, ...columns(group)],
    query_timeout: ANSWER_TIMEOUT_MS,
  };
  const { rows } = await connection.query<AnswerRow>(query);
  return readAnswer(group, rows[0]!);
}

/** In the order of the function's arguments. */
function columns({ items, streams, checks, events }: EncodedGroup): Buffer[] {
  return [
    uuidArray(items.map(({ id }) => id)),
    byteaArray(items.map(({ digest }) => digest)),
    textArray(items.map(({ replyText }) => replyText)),
    textArray(streams),
    integerArray(checks.map(({ item }) => item)),
    integerArray(checks.map(({ stream }) => stream)),
    integerArray(checks.map(({ expected }) => expected)),
    integerArray(checks.map(({ base }) => base)),
    integerArray(checks.map((check) => check.events)),
    integerArray(events.map(({ item }) => item)),
    integerArray(events.map(({ stream }) => stream)),
    integerArray(events.map(({ version }) => version)),
    uuidArray(events.map(({ draft }) => draft.id)),
    textArray(events.map(({ draft }) => draft.type)),
    integerArray(events.map(({ draft }) => draft.schemaVersion)),
    textArray(events.map(({ body }) => body)),
    byteaArray(events.map(({ leaf }) => Buffer.from(leaf, 'hex'))),
  ];
}

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
        const { stream, expected } = group.checks[row.conflict_checks[n]! - 1]!;
        return { status, stream: group.streams[stream - 1]!, expected: expected!, actual: row.conflict_versions[n]! };
      }
      case 'moved':
        return { status };
    }
  });
  return { outcomes: outcomes ?? null, heads, lastRecordedAt: row.last_recorded_at, room: row.room };
}
