/** PostgreSQL: the embedded server, migrations, pools, the Prisma client. */
export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.js';
export { EmbeddedPostgresFailed, EmbeddedPostgresInUse } from './embedded.error.js';
export { migrate } from './migrate.js';
export {
  DatabaseIsNewer,
  DatabaseUnavailable,
  MigrationChanged,
  MigrationFailed,
  MigrationUnfinished,
} from './migration.error.js';
export { createPool, IntegerTooLarge, type PoolOptions } from './pool.js';
export { createPrisma } from './prisma.js';
export { Prisma, PrismaClient } from './generated/prisma/client.js';
