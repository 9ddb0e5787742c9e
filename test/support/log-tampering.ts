/**
 * What a superuser can do to the log: everything, triggers and grants notwithstanding. Each change is undone afterwards from a
 * copy of all tables that the log and its evidence are made of, so that one log serves many of them.
 */
import type { Pool, PoolClient } from 'pg';
import { completeRoot, leafHash, partialTiles } from '#tlog';
import type { TestDatabase } from './database.js';

export type Tampering = {
  sql(text: string, values?: unknown[]): Promise<void>;
  /** Puts other bytes in the place of an event's, and the leaf column with it if asked. */
  overwrite(position: number, body: string, options: { leaf: boolean }): Promise<void>;
  /** Moves all events from this position on, up (+) or down (-). */
  shift(from: number, by: number): Promise<void>;
  /** Makes tiles and the tree's edge anew from the leaf column, as if it had always been so. */
  rewriteTree(): Promise<void>;
};

export type LoggedEvent = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly body: string;
};

const TABLES = ['log.event_log', 'log.log_head', 'evidence.tile', 'evidence.tree', 'evidence.checkpoint'];
const APPEND_ONLY = ['log.event_log', 'evidence.tile', 'evidence.checkpoint'];
/** Within the partitions that there are, beyond every event of a test. */
const ELSEWHERE = 500_000;

export async function tampering<Result>(
  admin: Pool,
  change: (with_: Tampering) => Promise<void>,
  judge: () => Promise<Result>,
): Promise<Result> {
  const connection = await admin.connect();
  try {
    await copyTables(connection);
    for (const table of APPEND_ONLY) await connection.query(`ALTER TABLE ${table} DISABLE TRIGGER append_only`);
    await change(toolsOf(connection));
    return await judge();
  } finally {
    await putBack(connection);
    for (const table of APPEND_ONLY) await connection.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER append_only`);
    connection.release();
  }
}

/** Every event as it stands, in order. */
export async function readEvents({ adminPool }: TestDatabase): Promise<LoggedEvent[]> {
  const { rows } = await adminPool.query<LoggedEvent>(
    'SELECT position, stream, version, body FROM log.event_log ORDER BY position',
  );
  return rows;
}

function copyOf(table: string): string {
  return `before_tampering.${table.replace('.', '_')}`;
}

async function copyTables(connection: PoolClient): Promise<void> {
  await connection.query('CREATE SCHEMA before_tampering');
  for (const table of TABLES) await connection.query(`CREATE TABLE ${copyOf(table)} AS SELECT * FROM ${table}`);
}

async function putBack(connection: PoolClient): Promise<void> {
  await connection.query('BEGIN');
  for (const table of TABLES) {
    await connection.query(`DELETE FROM ${table}`);
    await connection.query(`INSERT INTO ${table} SELECT * FROM ${copyOf(table)}`);
  }
  await connection.query('DROP SCHEMA before_tampering CASCADE');
  await connection.query('COMMIT');
}

function toolsOf(connection: PoolClient): Tampering {
  const sql: Tampering['sql'] = async (text, values) => void (await connection.query(text, values));
  return {
    sql,
    overwrite: async (position, body, { leaf }) => {
      await sql('UPDATE log.event_log SET body = $2 WHERE position = $1', [position, body]);
      if (leaf) await sql('UPDATE log.event_log SET leaf = $2 WHERE position = $1', [position, leafHash(body)]);
    },
    shift: async (from, by) => {
      await sql('UPDATE log.event_log SET position = position + $2 WHERE position >= $1', [from, ELSEWHERE]);
      await sql('UPDATE log.event_log SET position = position - $1 + $2 WHERE position >= $1', [ELSEWHERE, by]);
    },
    rewriteTree: () => rewriteTree(connection),
  };
}

/** For logs of less than 65,536 events: full tiles of level 0, and an edge of two levels. */
async function rewriteTree(connection: PoolClient): Promise<void> {
  const { rows: trees } = await connection.query<{ size: number }>('SELECT size FROM evidence.tree');
  const { size } = trees[0]!;
  const { rows } = await connection.query<{ leaf: Buffer }>(
    'SELECT leaf FROM log.event_log WHERE position <= $1 ORDER BY position',
    [size],
  );
  const leaves = rows.map(({ leaf }) => leaf);
  const full = Array.from({ length: Math.floor(size / 256) }, (_, n) => leaves.slice(n * 256, (n + 1) * 256));
  for (const [index, tile] of full.entries()) {
    await connection.query('UPDATE evidence.tile SET hashes = $2 WHERE level = 0 AND index = $1', [
      index,
      Buffer.concat(tile),
    ]);
  }
  const levels = [leaves, full.map((tile) => completeRoot(tile))];
  const edge = partialTiles(size).flatMap(({ level, index }) => levels[level]!.slice(index * 256));
  await connection.query('UPDATE evidence.tree SET partial = $1', [Buffer.concat(edge)]);
}
