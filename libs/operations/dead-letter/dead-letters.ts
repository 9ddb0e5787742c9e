/**
 * The table of dead letters, for the processes that put one there and wait for what an operator decides. A letter is `open`
 * until it is tried again (`retry`), left out (`skipped`) or taken (`done`). Plain SQL: its writers have their own transactions.
 */
import type { Pool, PoolClient } from 'pg';
import { OperationRefusal } from '../operation-refusal.error.js';

export const letterKinds = ['event', 'raw'] as const;
export const letterStatuses = ['open', 'retry', 'skipped', 'done'] as const;
export type LetterKind = (typeof letterKinds)[number];
export type LetterStatus = (typeof letterStatuses)[number];

type EventPlace = {
  readonly kind: 'event';
  readonly projection: string;
  readonly projectionVersion: number;
  /** In the log. */
  readonly position: number;
};

type RawPlace = {
  readonly kind: 'raw';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number | bigint;
};

type Why = {
  /** Stable, at most 64 characters. */
  readonly code: string;
  /** For people. What failed and where: never what the event or record holds, nor who it is about. Kept to 2,000 characters. */
  readonly reason: string;
};

export type NewDeadLetter = (EventPlace | RawPlace) & Why;

export type DeadLetter = NewDeadLetter & {
  readonly id: string;
  readonly openedAt: string;
  /** How often it failed. */
  readonly tries: number;
  readonly status: LetterStatus;
};

type Row = Record<string, unknown>;

const REASON_MAX = 2_000;
const COLUMNS =
  'id, kind, projection, projection_version, position, topic, partition, "offset", code, reason, opened_at, tries, status';

/**
 * Gives the letter's id. A place that has a letter which is not done keeps it: the letter counts one try more, has the new
 * reason and is open again, unless it was skipped meanwhile, which it stays.
 */
export async function openDeadLetter(db: Pool | PoolClient, letter: NewDeadLetter): Promise<string> {
  const event = letter.kind === 'event' ? letter : undefined;
  const raw = letter.kind === 'raw' ? letter : undefined;
  const { rows } = await db.query<{ id: string }>(
    `INSERT INTO delivery.dead_letter AS known (kind, projection, projection_version, position, topic, partition, "offset", code, reason)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (projection, projection_version, position, topic, partition, "offset") WHERE status <> 'done'
     DO UPDATE SET tries = known.tries + 1, code = excluded.code, reason = excluded.reason,
                   status = CASE known.status WHEN 'skipped' THEN 'skipped' ELSE 'open' END
     RETURNING id`,
    [
      letter.kind,
      event?.projection,
      event?.projectionVersion,
      event?.position,
      raw?.topic,
      raw?.partition,
      raw?.offset.toString(),
      letter.code,
      oneLine(letter.reason),
    ],
  );
  return rows[0]!.id;
}

/** Throws OPS_DEAD_LETTER_UNKNOWN. */
export async function deadLetterStatus(db: Pool | PoolClient, id: string): Promise<LetterStatus> {
  const { rows } = await db.query<{ status: LetterStatus }>('SELECT status FROM delivery.dead_letter WHERE id = $1', [
    id,
  ]);
  if (!rows[0]) throw unknownLetter(id);
  return rows[0].status;
}

/**
 * The event or record was taken. False: it was skipped meanwhile, so its effect must not stay; call this in the transaction
 * that takes it, which then waits for an operator who is just deciding, and roll back.
 */
export async function closeDeadLetter(db: Pool | PoolClient, id: string): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE delivery.dead_letter SET status = 'done' WHERE id = $1 AND status <> 'skipped'",
    [id],
  );
  return rowCount === 1;
}

/** Letters of this projection that nobody has settled, by the position of their event: for a process that starts, or was rebuilt past them. */
export async function unsettledLetters(
  db: Pool | PoolClient,
  projection: string,
  projectionVersion: number,
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await db.query<{ position: number; id: string }>(
    `SELECT position, id FROM delivery.dead_letter
      WHERE projection = $1 AND projection_version = $2 AND status IN ('open', 'retry')`,
    [projection, projectionVersion],
  );
  return new Map(rows.map(({ position, id }) => [position, id]));
}

/** Raw records of this topic that an operator wants tried again, at most `limit`, the oldest letter first. */
export async function lettersToRetry(
  db: Pool | PoolClient,
  topic: string,
  limit: number,
): Promise<readonly { readonly id: string; readonly partition: number; readonly offset: bigint }[]> {
  const { rows } = await db.query<{ id: string; partition: number; offset: string }>(
    `SELECT id, partition, "offset"::text FROM delivery.dead_letter
      WHERE topic = $1 AND status = 'retry' ORDER BY opened_at LIMIT $2`,
    [topic, limit],
  );
  return rows.map(({ id, partition, offset }) => ({ id, partition, offset: BigInt(offset) }));
}

export type LettersWanted = {
  /** Absent: of every status. */
  readonly statuses?: readonly LetterStatus[] | undefined;
  readonly kind?: LetterKind | undefined;
  readonly limit: number;
  /** The last letter of the page before. */
  readonly after?: { readonly openedAt: string; readonly id: string } | undefined;
};

/** The oldest first, so that a letter which comes while somebody pages stands on the last page. */
export async function listDeadLetters(
  db: Pool | PoolClient,
  { statuses, kind, limit, after }: LettersWanted,
): Promise<readonly DeadLetter[]> {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM delivery.dead_letter
      WHERE ($1::text[] IS NULL OR status = ANY ($1)) AND ($2::text IS NULL OR kind = $2)
        AND ($3::timestamptz IS NULL OR (opened_at, id) > ($3, $4::uuid))
      ORDER BY opened_at, id LIMIT $5`,
    [statuses, kind, after?.openedAt, after?.id, limit],
  );
  return rows.map(letterOf);
}

/** Locked against every other change until the transaction ends; null when there is none. */
export async function lockDeadLetter(client: PoolClient, id: string): Promise<DeadLetter | null> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM delivery.dead_letter WHERE id = $1 FOR UPDATE`, [
    id,
  ]);
  return rows[0] ? letterOf(rows[0]) : null;
}

/** What an operator decided; a letter that was settled otherwise stays as it is. */
export async function markDeadLetter(client: PoolClient, id: string, status: 'retry' | 'skipped'): Promise<void> {
  await client.query("UPDATE delivery.dead_letter SET status = $2 WHERE id = $1 AND status IN ('open', 'retry')", [
    id,
    status,
  ]);
}

export function unknownLetter(id: string): OperationRefusal {
  return new OperationRefusal('OPS_DEAD_LETTER_UNKNOWN', `there is no dead letter ${id}: list them`);
}

function letterOf(row: Row): DeadLetter {
  const { id, kind, projection, projection_version: projectionVersion, position, topic, partition, offset } = row;
  const { code, reason, opened_at: openedAt, tries, status } = row;
  const place =
    kind === 'event' ? { kind, projection, projectionVersion, position } : { kind, topic, partition, offset };
  return { id, ...place, code, reason, openedAt, tries, status } as DeadLetter;
}

function oneLine(reason: string): string {
  return reason.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').slice(0, REASON_MAX);
}
