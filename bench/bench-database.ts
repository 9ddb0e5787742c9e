/** A migrated database for one benchmark: on the server that DATABASE_URL names, or on an embedded one; dropped afterwards. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate, startEmbeddedPostgres } from '#postgres';

/** The role of DATABASE_URL must be allowed to create databases. */
export async function withBenchDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const given = process.env['DATABASE_URL'];
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-bench-'));
  await chmod(folder, 0o755); // started by root, the server runs as another user
  const server = given
    ? { url: given, stop: async () => {} }
    : await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  const name = `kerbtrail_bench_${randomBytes(4).toString('hex')}`;
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    await migrate(url.toString());
    await work(url.toString());
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
