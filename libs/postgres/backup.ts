/**
 * An online base backup of the embedded cluster by PostgreSQL's low-level procedure (manual §25.3.4): pg_backup_start, the
 * files as they stand, pg_backup_stop, and the write-ahead log between the two. Appends go on meanwhile. The copy is complete
 * in itself: a server started on it recovers to the instant at which the backup ended.
 *
 *   <target>/postgres/data/…   <target>/postgres/password   <target>/segments/…   <target>/manifest.json
 *
 * No key-encryption key, token or witness of the evidence is in it: they are kept apart (docs/backup.md).
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { BackupFailed } from './backup.error.js';
import {
  type BackedUpFile,
  type BackupManifest,
  copyFile,
  FORMAT,
  listTree,
  makeFolder,
  MANIFEST,
  syncFolder,
  writeNew,
} from './backup-files.js';
import { DATABASE, USER } from './embedded.js';
import { findPostmaster } from './postmaster.js';

export type BackupOptions = {
  /** Of the embedded PostgreSQL that runs. */
  readonly folder: string;
  /** Sealed segments of the log, when there are any: events whose partitions were detached are only there. */
  readonly segments?: string;
  /** Absent or empty. */
  readonly target: string;
};

/** Built again at a start, or without meaning in a copy (manual §25.3.4.3). */
const CONTENTS_LEFT_OUT =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/./;
const FILES_LEFT_OUT =
  /(^|\/)(postmaster\.(pid|opts)|pgsql_tmp[^/]*|pg_internal\.init[^/]*|backup_label(\.old)?|tablespace_map(\.old)?)$/;
const WAL_SEGMENT = /^[0-9A-F]{24}$/;
const SLOT = 'kerbtrail_backup';

/** Throws BackupFailed; what was copied until then stays without a manifest, and is no backup. */
export async function backUpEmbedded(options: BackupOptions): Promise<BackupManifest> {
  const { target } = options;
  await mkdir(target, { recursive: true, mode: 0o700 });
  if ((await readdir(target)).length > 0) {
    throw new BackupFailed(target, 'the folder is not empty; a backup is never written over anything, name a new one');
  }
  const client = await logIn(options);
  try {
    return await backUp(client, options);
  } catch (cause) {
    throw new BackupFailed(target, `${(cause as Error).message}; remove the folder and take the backup again`, cause);
  } finally {
    await client.end().catch(() => {}); // ends the backup too when it was not stopped
  }
}

async function logIn({ folder, target }: BackupOptions): Promise<Client> {
  const postmaster = await findPostmaster(join(folder, 'data'));
  if (typeof postmaster === 'string')
    throw new BackupFailed(target, `no PostgreSQL runs in ${folder}; start the server`);
  const password = await readFile(join(folder, 'password'), 'utf8');
  const { port } = postmaster;
  const client = new Client({ host: '127.0.0.1', port, user: USER, password, database: DATABASE, ssl: false });
  client.on('error', () => {}); // the statement at hand fails
  try {
    await client.connect();
  } catch (cause) {
    throw new BackupFailed(target, `the PostgreSQL in ${folder} cannot be reached: ${(cause as Error).message}`, cause);
  }
  return client;
}

async function backUp(client: Client, { folder, segments, target }: BackupOptions): Promise<BackupManifest> {
  // Holds back the removal of write-ahead log until this session ends.
  await client.query(`SELECT pg_create_physical_replication_slot('${SLOT}', true, true)`);
  const startedAt = await now(client);
  const started = await one<{ wal: string }>(
    client,
    `SELECT pg_walfile_name(pg_backup_start('kerbtrail', true)) AS wal`,
  );

  const data = join(folder, 'data');
  const tree = await listTree(data, (path) => CONTENTS_LEFT_OUT.test(path) || FILES_LEFT_OUT.test(path));
  const folders = tree.folders.map((path) => `postgres/data/${path}`);
  for (const path of folders) await makeFolder(target, path);
  const files: (BackedUpFile | undefined)[] = [];
  for (const path of tree.files) files.push(await copyFile(join(data, path), target, `postgres/data/${path}`));

  const log = await logAtEnd(client);
  const stopped = await one<{ lsn: string; wal: string; label: string; tablespaces: string }>(
    client,
    `SELECT lsn, pg_walfile_name(lsn) AS wal, labelfile AS label, spcmapfile AS tablespaces FROM pg_backup_stop(false)`,
  );
  files.push(await writeNew(target, 'postgres/data/backup_label', stopped.label));
  if (stopped.tablespaces.trim() !== '') throw new Error('the cluster has tablespaces, which Kerbtrail never makes');
  for (const name of (await readdir(join(data, 'pg_wal'))).toSorted()) {
    if (!WAL_SEGMENT.test(name) || name < started.wal || name > stopped.wal) continue;
    files.push(await copyFile(join(data, 'pg_wal', name), target, `postgres/data/pg_wal/${name}`));
  }
  files.push(await copyFile(join(folder, 'password'), target, 'postgres/password'));
  files.push(...(await copySegments(segments, target, folders)));

  const manifest: BackupManifest = {
    format: FORMAT,
    lsn: stopped.lsn,
    ...log,
    startedAt,
    endedAt: await now(client),
    serverVersion: (await one<{ version: string }>(client, `SELECT current_setting('server_version') AS version`))
      .version,
    folders,
    files: files.filter((file) => file !== undefined),
  };
  for (const path of ['', 'postgres', ...folders]) await syncFolder(join(target, path));
  await writeNew(target, MANIFEST, `${JSON.stringify(manifest, null, 1)}\n`);
  await syncFolder(target);
  return manifest;
}

/** After the database's own end, so that every segment that the copy speaks of is there; more than these do no harm. */
async function copySegments(
  segments: string | undefined,
  target: string,
  folders: string[],
): Promise<(BackedUpFile | undefined)[]> {
  if (segments === undefined || !existsSync(segments)) return [];
  const tree = await listTree(segments, (path) => path.endsWith('.new'));
  folders.push('segments', ...tree.folders.map((path) => `segments/${path}`));
  const copied: (BackedUpFile | undefined)[] = [];
  for (const path of tree.files) copied.push(await copyFile(join(segments, path), target, `segments/${path}`));
  return copied;
}

async function logAtEnd(client: Client): Promise<Pick<BackupManifest, 'logSize' | 'checkpoint'>> {
  const { size } = await one<{ size: string }>(client, 'SELECT size FROM log.log_head');
  const { known } = await one<{ known: boolean }>(
    client,
    `SELECT to_regclass('evidence.checkpoint') IS NOT NULL AS known`,
  );
  const checkpoints = known
    ? await client.query<{ note: string }>('SELECT note FROM evidence.checkpoint ORDER BY size DESC LIMIT 1')
    : { rows: [] };
  return { logSize: Number(size), checkpoint: checkpoints.rows[0]?.note ?? null };
}

async function now(client: Client): Promise<string> {
  const format = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
  return (await one<{ now: string }>(client, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', ${format}) AS now`))
    .now;
}

async function one<Row extends object>(client: Client, text: string): Promise<Row> {
  return (await client.query<Row & Record<string, unknown>>(text)).rows[0]!;
}
