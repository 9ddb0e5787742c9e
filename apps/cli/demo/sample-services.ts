/** The demo's services: apps/sample-service, each as a process of its own with its own password and token. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environmentError } from '../cli.error.js';

export type SampleService = { readonly url: string; stop(): Promise<void> };

const PROGRAM = fileURLToPath(new URL('../../sample-service/main.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;

/** `log`: where it writes what goes wrong. */
export async function startSampleService(
  { spn, account, realm }: { readonly spn: string; readonly account: string; readonly realm: string },
  secrets: { readonly password: string; readonly token: string },
  serverUrl: string,
  log: string,
): Promise<SampleService> {
  const logFile = openSync(log, 'a', 0o600);
  const args = [PROGRAM, '--principal', spn, '--account', account, '--realm', realm, '--url', serverUrl];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], KERBTRAIL_SERVICE_PASSWORD: secrets.password, KERBTRAIL_TOKEN: secrets.token },
    stdio: ['ignore', 'pipe', logFile, 'ipc'], // by the channel it notices when we are gone
  });
  child.channel?.unref();
  closeSync(logFile);
  const ended = once(child, 'close');
  let output = '';
  const ready = new Promise<string>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_096);
      const url = /ready at (\S+)/.exec(output)?.[1];
      if (url) resolve(url);
    });
  });
  const late = delay(START_TIMEOUT_MS, undefined, { ref: false });
  const url = await Promise.race([ready, ended.then(() => undefined), late]);
  if (url === undefined) {
    child.kill('SIGKILL');
    throw environmentError('SERVICE_START', `the sample service for ${spn} did not start`, { next: `see ${log}` });
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
