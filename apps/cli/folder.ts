/**
 * The data folder as the command line sees it (KERBTRAIL_FOLDER, default .kerbtrail): where the server of this folder is
 * found, and the small files of our own, which only their owner may read because they hold handles, tokens and passwords.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { environmentError } from './cli.error.js';

export type Folder = {
  readonly path: string;
  readonly localFile: string;
  readonly serverLog: string;
  readonly logonsFile: string;
  readonly demoFile: string;
  /** One empty file per running command that uses the folder's server, named by its process id. */
  readonly commands: string;
};

export function openFolder(env: NodeJS.ProcessEnv, cwd: string): Folder {
  const path = resolve(cwd, env['KERBTRAIL_FOLDER'] || '.kerbtrail');
  return {
    path,
    localFile: join(path, 'local.json'),
    serverLog: join(path, 'server.log'),
    logonsFile: join(path, 'logons.json'),
    demoFile: join(path, 'demo.json'),
    commands: join(path, 'commands'),
  };
}

/** Undefined when there is no such file. Throws an environment error when it cannot be read or is no JSON. */
export function readPrivateFile<Content>(path: string): Content | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Content;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw environmentError('FILE_UNREADABLE', `${path} cannot be read: ${(cause as Error).message}`, {
      next: 'if it is damaged, remove it: it is made again',
      cause,
    });
  }
}

export function writePrivateFile(folder: Folder, path: string, content: unknown): void {
  mkdirSync(folder.path, { recursive: true });
  writePrivateText(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** Replaces the file in one step; mode 0600. */
export function writePrivateText(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
