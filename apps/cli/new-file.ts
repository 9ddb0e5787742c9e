/** Files that a command makes for somebody: never over another one, and readable by their owner only. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { environmentError } from './cli.error.js';

/**
 * The file is made before its content is asked for, and never over another one, which may hold the only copy of a secret;
 * it goes away again when there is nothing to write.
 */
export async function writeNewFile<Answer>(
  path: string,
  ask: () => Promise<Answer>,
  textOf: (answer: Answer) => string,
): Promise<Answer> {
  const file = openNew(path);
  try {
    const answer = await ask();
    writeSync(file, textOf(answer));
    return answer;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    throw environmentError('FILE_NOT_WRITTEN', `${path} cannot be written: ${(cause as Error).message}`, {
      next: 'choose a file that does not exist yet',
      cause,
    });
  }
}
