/**
 * Ingestion in a process of its own, which raw-ingestion.int-spec.ts kills. It is plain JavaScript over dist/, because it runs
 * outside Jest. It tells its parent how many events it has appended whenever that changes.
 */
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, systemRandom } from '#event-store';
import { startRawIngestion } from '#ingestion';
import { connectKafka } from '#kafka';
import { operationEvents } from '#operations';
import { createPool } from '#postgres';

const [url, kekBase64, broker, topic] = process.argv.slice(2);
const pool = createPool(url, { max: 4, applicationName: 'ingest process' });
const kek = readKeyEncryptionKey(kekBase64, 'test');
const ingestion = startRawIngestion({
  store: createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] }),
  nameKey: await createNameKey(pool, kek, systemRandom),
  clock: createSystemClock(),
  pool,
  transport: await connectKafka({ brokers: [broker], clientId: 'ingest process' }),
  topic,
  settings: { partitions: 1, replicas: 1 },
});
let told = -1;
setInterval(() => {
  const { appended } = ingestion.status();
  if (appended !== told) process.send({ appended: (told = appended) });
}, 2);
process.on('disconnect', () => process.exit());
