/**
 * A backup becomes an embedded cluster in a new folder: every file is held against the manifest first, then copied, and the
 * copy is started once, so that PostgreSQL recovers and the log is seen to be whole. Runs without a server; never overwrites.
 */
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Client } from 'pg';
import { RestoreRefused } from './backup.error.js';
import {
  type BackupManifest,
  copyFile,
  digestFile,
  FORMAT,
  listTree,
  makeFolder,
  MANIFEST,
  syncFolder,
} from './backup-files.js';
import { findAccount } from './embedded-server.js';
import { startEmbeddedPostgres } from './embedded.js';

export type Restored = {
  readonly manifest: BackupManifest;
  /** Events in the restored log: those of the manifest, and what was appended while the backup ended. */
  readonly logSize: number;
};

/** Makes the data folder `into`, which must be absent or empty. Throws RestoreRefused, and then leaves nothing. */
export async function restoreEmbedded(backup: string, into: string): Promise<Restored> {
  const manifest = await readManifest(backup);
  if (existsSync(into) && (await readdir(into)).length > 0) {
    throw new RestoreRefused(backup, `${into} is not empty; a restore never overwrites, name a new folder`);
  }
  await checkFiles(backup, manifest);
  const parent = dirname(resolve(into));
  await mkdir(parent, { recursive: true });
  const fresh = await mkdtemp(join(parent, `${basename(into)}.new-`));
  try {
    await chmod(fresh, 0o755); // started by root, the server enters it as another user; what it holds is closed
    await copyBack(backup, fresh, manifest);
    const logSize = await recover(fresh);
    if (logSize < manifest.logSize) {
      throw new Error(`the recovered log has ${logSize} events, the backup promised ${manifest.logSize}`);
    }
    await rm(into, { recursive: true, force: true }); // empty, if it is there
    await rename(fresh, into);
    await syncFolder(parent);
    return { manifest, logSize };
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    throw new RestoreRefused(backup, (cause as Error).message, cause);
  }
}

async function readManifest(backup: string): Promise<BackupManifest> {
  const text = await readFile(join(backup, MANIFEST), 'utf8').catch((cause: unknown) => {
    throw new RestoreRefused(backup, `it has no ${MANIFEST}, so it is no backup or one that was broken off`, cause);
  });
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    if (manifest.format === FORMAT) return manifest;
  } catch {
    // as below
  }
  throw new RestoreRefused(backup, `${MANIFEST} is not of the form ${FORMAT}`);
}

/** Nothing missing, nothing added, nothing changed. */
async function checkFiles(backup: string, { files }: BackupManifest): Promise<void> {
  const listed = new Map(files.map((file) => [file.path, file]));
  const { files: there } = await listTree(backup);
  const added = there.filter((path) => path !== MANIFEST && !listed.has(path));
  if (added.length > 0) throw new RestoreRefused(backup, `${added[0]} is not in its manifest`);
  for (const [path, { bytes, sha256 }] of listed) {
    const found = await digestFile(join(backup, path)).catch((cause: unknown) => {
      throw new RestoreRefused(backup, `${path} cannot be read`, cause);
    });
    if (found.bytes !== bytes || found.sha256 !== sha256) {
      throw new RestoreRefused(backup, `${path} is not as it was when the backup was taken; use another backup`);
    }
  }
}

async function copyBack(backup: string, fresh: string, { folders, files }: BackupManifest): Promise<void> {
  for (const path of ['postgres', 'postgres/data', ...folders]) await makeFolder(fresh, path);
  for (const { path } of files) await copyFile(join(backup, path), fresh, path);
  const account = await findAccount(fresh);
  if (!account) return;
  const { files: copied, folders: made } = await listTree(join(fresh, 'postgres'));
  for (const path of ['', ...made, ...copied]) await chown(join(fresh, 'postgres', path), account.uid, account.gid);
}

/** Events in the log once PostgreSQL has recovered. */
async function recover(fresh: string): Promise<number> {
  const server = await startEmbeddedPostgres({ folder: join(fresh, 'postgres') });
  try {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ size: string }>('SELECT size FROM log.log_head');
    await client.end();
    return Number(rows[0]!.size);
  } finally {
    await server.stop();
  }
}
