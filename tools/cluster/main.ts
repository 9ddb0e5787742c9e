/**
 * `npm run cluster`: starts a cluster (cluster.ts), tells what runs where, and stops all of it at Ctrl-C. DATABASE_URL (with
 * KERBTRAIL_KEK) and KAFKA_BROKERS are used where they are set; what it makes itself is gone afterwards.
 */
import Table from 'cli-table3';
import { once } from 'node:events';
import { EVENTS_TOPIC } from '#relay';
import { type Cluster, startCluster } from './cluster.js';

const stopping = new AbortController();
const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  const { DATABASE_URL: databaseUrl, KAFKA_BROKERS: brokers } = process.env;
  const { signal } = stopping;
  const cluster = await startCluster({
    databaseUrl,
    brokers: brokers?.split(','),
    detached: true,
    signal,
    onProgress: say,
  });
  say(describe(cluster));
  if (!signal.aborted) await once(signal, 'abort');
  say('stopping …');
  await cluster.stop();
  say('stopped: nothing of it runs any more');
}

function describe(cluster: Cluster): string {
  const { processes, pids, brokers, folder, databaseUrl } = cluster;
  const table = new Table({ head: ['what', 'where', 'pid'], style: { head: [], border: [], compact: true } });
  table.push(
    ['PostgreSQL', new URL(databaseUrl).host, pids.postgres ?? 'not ours'],
    [`Kafka, topic ${EVENTS_TOPIC}`, brokers.join(', '), pids.broker ?? 'not ours'],
    ...processes.map(({ name, url, pid }) => [name, url, pid ?? 'ended']),
  );
  return [
    table.toString(),
    `Logs: ${folder}/*/server.log. In another terminal:`,
    `  export KERBTRAIL_FOLDER=${cluster.process('api').folder}`,
    '  npx kerbtrail import samples/lab-samba-ad',
    '  npx kerbtrail doctor',
    `  curl ${cluster.process('projector-1').url}/ready`,
    `Ctrl-C stops all of it and removes ${folder}.`,
  ].join('\n');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const said = stopping.signal.aborted ? 'stopped before it was ready' : (error as Error).message;
    process.stderr.write(`${said}\n`);
    process.exit(1);
  },
);
