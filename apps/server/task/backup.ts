/**
 * Tasks of the program beside a server, for the command line of the same machine: `backup FOLDER` copies the embedded database
 * while it runs, `restore FOLDER INTO` makes a new data folder of such a copy. Each prints one line of JSON.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { backUpEmbedded, restoreEmbedded } from '#postgres';
import { InvalidConfiguration, type ServerConfig } from '../config.js';

export async function runTask(config: ServerConfig, [task, ...args]: readonly string[]): Promise<object> {
  if (config.databaseUrl) {
    throw new InvalidConfiguration(
      'DATABASE_URL names a PostgreSQL of your own: back it up and restore it with its own tools (docs/backup.md).',
    );
  }
  if (task === 'backup' && args.length === 1) return backUp(config, resolve(args[0]!));
  if (task === 'restore' && args.length === 2) return restore(resolve(args[0]!), resolve(args[1]!));
  throw new InvalidConfiguration('The tasks are: backup FOLDER, restore FOLDER INTO');
}

async function backUp({ folder, segmentsFolder }: ServerConfig, target: string): Promise<object> {
  const source = { folder: join(folder, 'postgres'), segments: segmentsFolder };
  const { files, lsn, logSize, startedAt, endedAt } = await backUpEmbedded({ ...source, target });
  const manifest = createHash('sha256')
    .update(await readFile(join(target, 'manifest.json')))
    .digest('hex');
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { manifest, logSize, lsn, files: files.length, bytes, startedAt, endedAt };
}

async function restore(backup: string, into: string): Promise<object> {
  const { manifest, logSize } = await restoreEmbedded(backup, into);
  return { folder: into, logSize, takenAt: manifest.endedAt, checkpoint: manifest.checkpoint };
}
