/** One group of items sent to log.append_group (prisma/migrations/0020_append_group): one round trip, one commit. */
import type { Pool, PoolClient, QueryConfig } from 'pg';
import { byteaArray, hexArray, integerArray, textArray, uuidArray } from './array-parameter.js';
import type { EncodedGroup } from './encode-group.js';

/** No answer within this time: the outcome is unknown. Above the server's own lock and transaction timeouts. */
const ANSWER_TIMEOUT_MS = 10_000;

export type GroupAnswer = {
  /** Position of the log's head before the group; null when it was not appended, because not everything was as encoded. */
  readonly after: number | null;
  readonly lastRecordedAt: string;
  /** Events that fit into the partitions that exist; null when the group was recorded too early to be looked at. */
  readonly room: number | null;
};

type AnswerRow = { readonly after: number | null; readonly last_recorded_at: string; readonly room: number | null };

/** All of it or nothing. Throws what the driver throws. */
export async function appendGroup(connection: Pool | PoolClient, group: EncodedGroup): Promise<GroupAnswer> {
  const query: QueryConfig & { query_timeout: number } = {
    name: 'log.append_group',
    text: 'SELECT * FROM log.append_group($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)',
    values: parameters(group),
    query_timeout: ANSWER_TIMEOUT_MS,
  };
  const { rows } = await connection.query<AnswerRow>(query);
  const { after, last_recorded_at: lastRecordedAt, room } = rows[0]!;
  return { after, lastRecordedAt, room };
}

/** In the order of the function's arguments. */
function parameters({ recordedAt, items, guards, streams, events }: EncodedGroup): (string | Buffer)[] {
  const written = [...streams.values()];
  return [
    recordedAt,
    uuidArray(items.map(({ item }) => item.id)),
    byteaArray(items.map(({ item }) => item.digest)),
    textArray(items.map(({ item }) => item.replyText)),
    integerArray(items.map(({ first }) => first)),
    integerArray(items.map((item) => item.events)),
    textArray([...guards.keys()]),
    integerArray([...guards.values()]),
    hexArray(written.map(({ base }) => base.leaf)),
    integerArray(written.map(({ first }) => first)),
    integerArray(written.map(({ last }) => last)),
    textArray(events.map(({ stream }) => stream)),
    integerArray(events.map(({ version }) => version)),
    uuidArray(events.map(({ draft }) => draft.id)),
    textArray(events.map(({ draft }) => draft.type)),
    integerArray(events.map(({ draft }) => draft.schemaVersion)),
    textArray(events.map(({ body }) => body)),
    hexArray(events.map(({ leaf }) => leaf)),
  ];
}
