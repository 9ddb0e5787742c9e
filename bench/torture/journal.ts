/**
 * What a writer was told, kept outside the database: one JSON line per answer, on the disk before the writer goes on. Lines
 * that are written while others are being synchronised share the next fsync.
 */
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** One answer to one request, as a writer heard it. */
export type Told = {
  readonly lane: string;
  /** The lane's n-th request; -1 for a question that is not one of its requests. */
  readonly n: number;
  /** Receipt id. */
  readonly id: string;
  readonly status: 'committed' | 'duplicate' | 'conflict';
  readonly position?: number;
  readonly reply?: unknown;
  /** Events that it added to the lane's own stream. */
  readonly own?: number;
};

/** How often a writer did not hear, was told to come later, or heard what must not be. */
export type Noted = { readonly note: 'unknown' | 'busy' | 'failed' | 'fault'; readonly detail?: string };

export type Line = Told | Noted;

export class Journal {
  readonly #file: Promise<FileHandle>;
  #lines: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string) {
    cutTornLine(path);
    this.#file = open(path, 'a');
  }

  /** Resolves when the line is on the disk. */
  write(line: Line): Promise<void> {
    this.#lines.push(`${JSON.stringify(line)}\n`);
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#flush();
      return this.#writing;
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await (this.#next ?? this.#writing);
    await (await this.#file).close();
  }

  async #flush(): Promise<void> {
    const file = await this.#file;
    const lines = this.#lines.join('');
    this.#lines = [];
    await file.appendFile(lines);
    await file.datasync();
  }
}

/** Every whole line; a writer that was killed may have left half a line at the end. */
export function readJournal(path: string): Line[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}

export function toldIn(lines: readonly Line[]): Told[] {
  return lines.filter((line): line is Told => 'status' in line);
}

function cutTornLine(path: string): void {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  truncateSync(path, bytes.lastIndexOf('\n') + 1);
}
