/**
 * A projector in a process of its own, as a server with role `projector` has it; projector-failures.int-spec.ts kills, stops and goes
 * on with it. Plain JavaScript over dist/, because it runs outside Jest. Counts the steps of each stream, which shows what is
 * applied twice, left out or out of order, and says on stdout when it is within a page.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createEventStore } from '#event-store';
import { connectKafka } from '#kafka';
import { createPool } from '#postgres';
import { startKafkaProjectors } from '#projections';

const { url, brokers, topic, pauseMs } = JSON.parse(process.argv[2]);
const say = (text) => process.stdout.write(`${text}\n`);
const pool = createPool(url, { max: 6, applicationName: 'projector process' });
const transport = await connectKafka({ brokers, clientId: 'projector-process' });

const counting = {
  name: 'steps',
  version: 1,
  tables: ['steps'],
  async apply(tx, events) {
    for (const { stream, version } of events) {
      await tx.query(
        `INSERT INTO steps AS s (stream, steps, last, in_order) VALUES ($1, 1, $2::bigint, $2::bigint = 1)
         ON CONFLICT (stream) DO UPDATE SET steps = s.steps + 1, last = excluded.last, in_order = s.in_order AND s.last + 1 = excluded.last`,
        [stream, version],
      );
    }
    say('within a page');
    await delay(pauseMs);
  },
};

const projectors = startKafkaProjectors({
  store: createEventStore({ pool, catalogues: [] }),
  pool,
  transport,
  topic,
  projections: [counting],
  log: say,
});
say('started');

process.once('SIGTERM', async () => {
  await projectors.stop();
  await transport.close();
  await pool.end();
});
