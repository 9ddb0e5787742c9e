/**
 * A relay in a process of its own, as a server with role `relay` has it; relay-failures.int-spec.ts kills, stops and goes on with
 * it. Plain JavaScript over dist/, because it runs outside Jest. Says on stdout when it begins to publish a page and how that
 * ended, and every state it is in.
 */
import { createEventStore } from '#event-store';
import { connectKafka } from '#kafka';
import { createPool } from '#postgres';
import { startRelay } from '#relay';

const { url, brokers, source, topic, settings } = JSON.parse(process.argv[2]);
const say = (text) => process.stdout.write(`${text}\n`);
const pool = createPool(url, { max: 4, applicationName: 'relay process' });
const transport = await connectKafka({ brokers, clientId: 'relay-process' });

async function publisher(id) {
  const real = await transport.publisher(id);
  return {
    async publish(name, messages) {
      say('publishing');
      await real.publish(name, messages).catch((error) => {
        say(`not published: ${error.code}`);
        throw error;
      });
      say('published');
    },
    close: () => real.close(),
  };
}

const relay = startRelay({
  store: createEventStore({ pool, catalogues: [] }),
  pool,
  transport: { ensureTopic: (...given) => transport.ensureTopic(...given), publisher },
  source,
  topic,
  settings,
  onChange: ({ mode, position, error }) => say(`${mode} at ${position}${error ? `: ${error.message}` : ''}`),
});

process.once('SIGTERM', async () => {
  await relay.stop();
  await transport.close();
  await pool.end();
});
