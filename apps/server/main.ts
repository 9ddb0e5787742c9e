/**
 * The server program: serves until SIGINT or SIGTERM, or, with arguments, does one task and ends. Prints one line `ready <url>` on standard output for people and for the
 * command line; everything else is JSON on standard error.
 */
import { readConfig } from './config.js';
import { type RunningServer, startServer } from './start.js';
import { runTask } from './task/backup.js';

const STOP_MS_MAX = 20_000;

async function main(): Promise<void> {
  const config = readConfig(process.env, process.cwd());
  const task = process.argv.slice(2);
  if (task.length > 0) {
    process.stdout.write(`${JSON.stringify(await runTask(config, task))}\n`);
    return;
  }
  let server: RunningServer | undefined;
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    const overdue = setTimeout(() => process.exit(1), STOP_MS_MAX);
    overdue.unref();
    const closing = server?.close() ?? Promise.resolve();
    closing.then(() => process.exit(0), fail);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  server = await startServer(config);
  if (stopping) await server.close();
  else process.stdout.write(`ready ${server.url}\n`);
}

function fail(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = typeof code === 'string' && typeof message === 'string';
  process.stderr.write(known ? `kerbtrail: ${message}\n` : `kerbtrail: ${String((error as Error).stack ?? error)}\n`);
  process.exit(known && code === 'CONFIG_INVALID' ? 2 : 3);
}

main().catch(fail);
