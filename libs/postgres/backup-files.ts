/**
 * The files of a backup: copied with their SHA-256 and synchronised, listed in a manifest that is written last, so that a
 * folder with a manifest is a whole backup. Nothing is ever overwritten.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `path` is relative to the backup's folder, with `/` between its parts. */
export type BackedUpFile = { readonly path: string; readonly bytes: number; readonly sha256: string };

export type BackupManifest = {
  readonly format: 'kerbtrail-backup/1';
  /** Where the backup ends in the write-ahead log, and so what a restore recovers to. */
  readonly lsn: string;
  /** Events that were in the log when the backup ended: a restored log has at least these. */
  readonly logSize: number;
  /** The last signed checkpoint of the evidence then, when there was one. */
  readonly checkpoint: string | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly serverVersion: string;
  readonly folders: readonly string[];
  readonly files: readonly BackedUpFile[];
};

export const FORMAT = 'kerbtrail-backup/1';
export const MANIFEST = 'manifest.json';
const CHUNK_BYTES = 1024 * 1024;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Copies one file to a path where none is. Nothing when the file is gone, as that of a dropped table is; one that grows
 * meanwhile is copied as far as it is read, which recovery expects.
 */
export async function copyFile(from: string, root: string, path: string): Promise<BackedUpFile | undefined> {
  const source = await open(from, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!source) return undefined;
  try {
    return await writeAll(join(root, path), path, readChunks(source));
  } finally {
    await source.close();
  }
}

/** Writes one file from memory, as `copyFile` does. */
export async function writeNew(root: string, path: string, content: string): Promise<BackedUpFile> {
  return writeAll(join(root, path), path, [Buffer.from(content)]);
}

/** SHA-256 and length of a file. */
export async function digestFile(file: string): Promise<Pick<BackedUpFile, 'bytes' | 'sha256'>> {
  const source = await open(file, 'r');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of readChunks(source)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await source.close();
  }
}

/** All files and folders below, as relative paths in order; what `leaveOut` names is neither listed nor entered. */
export async function listTree(
  root: string,
  leaveOut: (path: string) => boolean = () => false,
): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []); // dropped meanwhile
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (leaveOut(path)) continue;
      if (!entry.isDirectory()) {
        files.push(path);
        continue;
      }
      folders.push(path);
      await walk(path);
    }
  };
  await walk('');
  return { files, folders };
}

export async function makeFolder(root: string, path: string): Promise<void> {
  await mkdir(join(root, path), { recursive: true, mode: FOLDER_MODE });
}

/** The names in a folder are on the disk as well. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // a folder cannot be opened there
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(
  to: string,
  path: string,
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<BackedUpFile> {
  await mkdir(dirname(to), { recursive: true, mode: FOLDER_MODE });
  const target = await open(to, 'wx', FILE_MODE);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of chunks) {
      hash.update(chunk);
      await target.writeFile(chunk);
      bytes += chunk.length;
    }
    await target.sync();
    return { path, bytes, sha256: hash.digest('hex') };
  } finally {
    await target.close();
  }
}

async function* readChunks(source: FileHandle): AsyncIterable<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
