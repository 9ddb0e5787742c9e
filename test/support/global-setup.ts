/**
 * One real PostgreSQL for the whole run: embedded, in a temporary folder that the server's account can reach, or the one
 * that TEST_DATABASE_URL names (any database of it; the role must be allowed to make databases and roles). All
 * migrations run once, into a template database; every suite then works in a clone of its own (database.ts).
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate, startEmbeddedPostgres } from '#postgres';

declare global {
  /** Set by the setup, called by the teardown: Jest runs both in one process. */
  var stopTestPostgres: (() => Promise<void>) | undefined;
}

export default async function globalSetup(): Promise<void> {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  const given = process.env['TEST_DATABASE_URL'];
  // Interrupted runs end without a teardown; the server would outlive them.
  const server = given ? { url: given, stop: async () => {} } : await startTemporary();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.stop().finally(() => process.exit(1)));
  }
  const template = `kerbtrail_template_${randomBytes(4).toString('hex')}`;
  const url = new URL(server.url);
  url.pathname = `/${template}`;

  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`);
  await migrate(url.toString());
  process.env['KERBTRAIL_TEST_ADMIN_URL'] = server.url;
  process.env['KERBTRAIL_TEST_TEMPLATE'] = template;

  globalThis.stopTestPostgres = async () => {
    await admin.query(`DROP DATABASE ${template}`);
    await admin.end();
    await server.stop();
  };
}

async function startTemporary(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-test-'));
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
