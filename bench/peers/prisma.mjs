/** `node prisma.mjs URL`: the usual table as Prisma writes and pages it. The generated client is made when the peers are installed. */
import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { ticketIssued } from '../../dist/bench/event-log-cases.js';
import { serve } from '../../dist/bench/log/contender.js';
import { measureCallers, measureRun } from '../../dist/bench/log/measure.js';
import generated from './node_modules/.usual-table/index.js';

const EVENTS_PER_STREAM = 10;
const PAGE = 1_000;
const adapter = new PrismaPg({ connectionString: process.argv[2], max: 32 });
const prisma = new generated.PrismaClient({ adapter });

await prisma.$executeRawUnsafe(`CREATE TABLE IF NOT EXISTS usual_events (
  global_position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, event_id uuid NOT NULL UNIQUE,
  type text NOT NULL, data jsonb NOT NULL, metadata jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream, version))`);

function rowSource() {
  let n = 0;
  let stream = '';
  return () => {
    if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
    const { type, data, metadata } = ticketIssued(n);
    return { stream, version: (n++ % EVENTS_PER_STREAM) + 1, eventId: randomUUID(), type, data, metadata };
  };
}

function createCaller() {
  const next = rowSource();
  return () => prisma.event.create({ data: next() });
}

async function createMany(batch, count) {
  const next = rowSource();
  for (let sent = 0; sent < count; sent += batch) {
    await prisma.event.createMany({ data: Array.from({ length: batch }, next) });
  }
  return count;
}

async function fill(count) {
  await prisma.event.deleteMany();
  await createMany(PAGE, count);
  await prisma.$executeRawUnsafe('VACUUM ANALYZE usual_events');
  return count;
}

async function keyset() {
  let read = 0;
  for (let after = 0n; ;) {
    const where = { globalPosition: { gt: after } };
    const rows = await prisma.event.findMany({ where, orderBy: { globalPosition: 'asc' }, take: PAGE });
    read += rows.length;
    if (rows.length < PAGE) return read;
    after = rows.at(-1).globalPosition;
  }
}

serve({
  create: ({ callers, forMs }) => measureCallers(createCaller, callers, forMs),
  'createMany 1000': ({ count }) => measureRun(() => createMany(1_000, count)),
  fill: ({ count }) => measureRun(() => fill(count)),
  keyset: () => measureRun(keyset),
});
