/**
 * `.kerbtrail/local.json`: how the command line finds the server of this folder. Readable by its owner only, since it holds
 * an operator token. It is also the folder's lock: two servers on one folder would share one embedded database.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const localFile = z.object({ url: z.string(), pid: z.int(), token: z.string() });
export type LocalFile = z.infer<typeof localFile>;

export class FolderInUse extends Error {
  readonly code = 'FOLDER_IN_USE';
  constructor(folder: string, pid: number) {
    super(
      `A server (process ${pid}) already works in ${folder}: use it, stop it, or set KERBTRAIL_FOLDER to another folder.`,
    );
  }
}

export class DataFolder {
  private readonly lock: string;
  readonly localJson: string;

  constructor(readonly path: string) {
    mkdirSync(path, { recursive: true });
    this.lock = join(path, 'server.pid');
    this.localJson = join(path, 'local.json');
  }

  /** Throws FolderInUse while the process that holds the folder is alive; a dead one's lock is taken over. */
  acquire(): void {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        writeFileSync(this.lock, String(process.pid), { flag: 'wx', mode: 0o600 });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const pid = Number(readFileSync(this.lock, 'utf8'));
        if (pid !== process.pid && isAlive(pid)) throw new FolderInUse(this.path, pid);
        rmSync(this.lock, { force: true });
      }
    }
    throw new FolderInUse(this.path, 0);
  }

  /** Token of an earlier run of this folder, so that a restart does not make another one. */
  previousToken(): string | undefined {
    try {
      return localFile.parse(JSON.parse(readFileSync(this.localJson, 'utf8'))).token;
    } catch {
      return undefined;
    }
  }

  publish(content: LocalFile): void {
    const draft = `${this.localJson}.new`;
    writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.localJson);
  }

  release(): void {
    rmSync(this.lock, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
