/**
 * The witness as a file, such as one on another host's disk. Compare-and-swap without a lock, so that no crash leaves one
 * behind: each note names its successor in a file of its own, `<file>.after-<hash of the note>`, made by link(2), which
 * lets only one writer have it. That link is the swap; `<file>` itself is then replaced (rename) and may be behind, so
 * a reader goes on from it to the last successor. The last hundred successors are kept: a writer that was held up for
 * less than a hundred checkpoints cannot go back behind them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WitnessUnavailable } from './evidence.error.js';
import type { Witness } from './witness.js';

const SUCCESSORS_KEPT = 100;
/** A pointer that is further behind than this was not left so by a crash. */
const STEPS_MAX = 10 * SUCCESSORS_KEPT;

export function createFileWitness(file: string): Witness {
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw new WitnessUnavailable(file, cause);
    }
  };
  return {
    place: file,
    read: () => attempt(() => readNewest(file)),
    swap: (last, next) => attempt(() => swapNote(file, last, next)),
    close: async () => {},
  };
}

async function readNewest(file: string): Promise<string | null> {
  let newest = (await readIfThere(file)) ?? (await readIfThere(successorOf(file, null)));
  for (let step = 0; newest !== null && step < STEPS_MAX; step++) {
    const next = await readIfThere(successorOf(file, newest));
    if (next === null) return newest;
    newest = next;
  }
  if (newest === null) return null;
  throw new Error(`${file} has more than ${STEPS_MAX} successors: move the folder away, it was not written by us`);
}

async function swapNote(file: string, last: string | null, next: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true });
  if ((await readNewest(file)) !== last) return false;
  const draft = await writeDraft(file, next);
  try {
    await link(draft, successorOf(file, last));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
  // Not the same file under two names: who writes over the one must not change the other.
  await rename(await writeDraft(file, next), file);
  await syncFolder(dirname(file));
  await forgetOldSuccessors(file);
  return true;
}

async function writeDraft(file: string, note: string): Promise<string> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, note, { flag: 'wx', flush: true });
  return draft;
}

/** A note's successor; of nothing, the first note. */
function successorOf(file: string, note: string | null): string {
  return `${file}.after-${createHash('sha256')
    .update(note ?? '')
    .digest('hex')
    .slice(0, 32)}`;
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Drafts that a crash left behind go with them. */
async function forgetOldSuccessors(file: string): Promise<void> {
  const folder = dirname(file);
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${basename(file)}.`));
  if (names.length <= 2 * SUCCESSORS_KEPT) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), madeAt: (await stat(join(folder, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.madeAt - a.madeAt);
  await Promise.all(aged.slice(SUCCESSORS_KEPT).map(({ path }) => unlink(path)));
}
