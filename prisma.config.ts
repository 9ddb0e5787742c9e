/**
 * Prisma's command line (generate, migrate status, migrate diff). Its native schema engine is a download at first use;
 * ours is the same engine as WebAssembly behind tools/schema-engine.mjs, so that nothing is downloaded.
 * At run time the server applies prisma/migrations itself (libs/postgres/migrate.ts).
 */
import { join } from 'node:path';
import { defineConfig } from 'prisma/config';

process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= join(import.meta.dirname, 'tools', 'schema-engine.mjs');

const url = process.env['KERBTRAIL_MIGRATION_URL'] ?? process.env['DATABASE_URL'];

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(url ? { datasource: { url } } : {}),
});
