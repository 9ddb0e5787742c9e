/** The peers are installed on the first run, from the lock file in bench/peers; the project's own install never sees them. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FOLDER = resolve('bench/peers');

/** Path of a peer's script. */
export function peer(name: string): string {
  return join(FOLDER, `${name}.mjs`);
}

export function installPeers(): void {
  const run = (command: string, args: readonly string[], env = {}): void =>
    void execFileSync(command, args, { cwd: FOLDER, env: { ...process.env, ...env }, stdio: ['ignore', 2, 2] });
  if (!existsSync(join(FOLDER, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund']);
  if (existsSync(join(FOLDER, 'node_modules', '.usual-table'))) return;
  const shim = { PRISMA_SCHEMA_ENGINE_BINARY: resolve('tools/schema-engine.mjs') };
  run('npx', ['prisma', 'generate', '--schema', 'schema.prisma'], shim);
}
