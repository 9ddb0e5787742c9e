/**
 * `node projector-process.js URL BROKERS TOPIC SHARE NAME…`: projectors of these names in a process of their own, fed from Kafka, or
 * from the log where TOPIC is `-`. `join` starts them and waits until each has its SHARE of the partitions; `project` waits until
 * all that is in the log is applied, whoever does it, and counts from then to now.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { exchangeEvents } from '#authentication';
import { directoryEvents } from '#directory';
import { createEventStore } from '#event-store';
import { connectKafka } from '#kafka';
import { operationEvents } from '#operations';
import { createPool } from '#postgres';
import { projections, type Projectors, startKafkaProjectors, startProjectors } from '#projections';
import { type Load, serve } from '../log/contender.js';
import { measureRun } from '../log/measure.js';

const POLL_MS = 20;
const JOIN_TIMEOUT_MS = 120_000;

const [url = '', brokers = '', topic = '', share = '', ...names] = process.argv.slice(2);
const pool = createPool(url, { max: 12, applicationName: 'bench projector' });
const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });
const transport = await connectKafka({ brokers: brokers.split(','), clientId: 'bench' });
const chosen = projections.filter(({ name }) => names.includes(name));
let running: Projectors | undefined;

async function join(): Promise<number> {
  const common = { store, pool, projections: chosen, log: (message: string) => console.error(message) };
  if (topic === '-') {
    running = startProjectors(common);
    return 0;
  }
  const members = startKafkaProjectors({ ...common, transport, topic });
  running = members;
  for (const deadline = performance.now() + JOIN_TIMEOUT_MS; ; await delay(POLL_MS)) {
    const shares = (await members.status()).map(({ partitions }) => partitions?.length ?? 0);
    if (shares.every((one) => one === Number(share))) return 0;
    if (performance.now() > deadline) throw new Error(`partitions ${shares.join()}, not ${share} each`);
  }
}

async function project({ forMs }: Load): Promise<number> {
  const from = await applied();
  const head = await store.head();
  const behind = await running!.waitFor(head, forMs);
  if (behind.length > 0) throw new Error(`not there in ${forMs} ms: ${JSON.stringify(behind)}`);
  return head - from;
}

/** Of the projection that is farthest behind: events, or the share of them that its offsets say. */
async function applied(): Promise<number> {
  const { rows } = await pool.query<{ position: number; offsets: number }>(
    `SELECT coalesce((SELECT position FROM read.checkpoint WHERE projection = name), 0) AS position,
            coalesce((SELECT sum(next_offset) FROM read.partition_checkpoint WHERE projection = name), 0)::float8 AS offsets
       FROM unnest($1::text[]) AS name`,
    [names],
  );
  if (topic === '-') return Math.min(...rows.map(({ position }) => position));
  const ends = (await transport.partitionEnds(topic)) ?? [];
  const all = ends.reduce((sum, { high }) => sum + Number(high), 0);
  return Math.round((Math.min(...rows.map(({ offsets }) => offsets)) / all) * (await store.head()));
}

serve({
  join: () => measureRun(join),
  project: (load) => measureRun(() => project(load)),
  leave: () =>
    measureRun(async () => {
      await running?.stop();
      return 0;
    }),
});
