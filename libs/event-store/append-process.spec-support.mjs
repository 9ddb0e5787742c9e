/**
 * A process of its own that appends: `node append-process.spec-support.mjs URL NAME ITEMS`. Sixteen callers at a time,
 * each item to a stream of its own and to one that all processes share. Prints one line per committed item.
 */
import { createHash } from 'node:crypto';
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';

const [url, name, items] = process.argv.slice(2);
const pool = createPool(url, { max: 3, applicationName: `append ${name}` });
const appendPool = createPool(url, { max: 2, applicationName: `append ${name}`, pipelined: true });
const store = createEventStore({ pool, appendPool, catalogues: [] });
const event = {
  type: 'Appended',
  schemaVersion: 1,
  occurredAt: '2026-11-22T10:00:00Z',
  data: { by: name },
  metadata: { origin: 'decided' },
};
let next = 0;

async function caller() {
  while (next < Number(items)) {
    const n = next++;
    const digest = createHash('sha256').update(`${name} ${n}`).digest();
    const id = digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
    const writes = [
      { stream: `own-${name}/${n}`, expected: 0, events: [event] },
      { stream: 'all-shared', expected: 'any', events: [event, event] },
    ];
    const [{ status, position }] = await store.append([{ id, digest, writes, reply: n }]);
    process.stdout.write(`${status} ${n} ${position}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, caller));
process.stdout.write('done\n');
await Promise.all([pool.end(), appendPool.end()]);
