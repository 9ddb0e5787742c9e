/**
 * The Prisma client over a pool of ours: read models and small writes. Append, replay and bulk go through `pg` itself.
 * Prisma reads timestamptz as a millisecond Date and int8 as bigint, whatever the pool's own parsers do.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { PrismaClient } from './generated/prisma/client.js';

/** Shares the pool: `$disconnect()` does not end it, whoever made the pool does. */
export function createPrisma(pool: Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
