/** PostgreSQL: the embedded server, its backup and restore, migrations, pools, the Prisma client. */
export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.js';
export { EmbeddedPostgresFailed, EmbeddedPostgresInUse } from './embedded.error.js';
export { backUpEmbedded, type BackupOptions } from './backup.js';
export { BackupFailed, RestoreRefused } from './backup.error.js';
export type { BackupManifest } from './backup-files.js';
export { restoreEmbedded, type Restored } from './backup-restore.js';
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
