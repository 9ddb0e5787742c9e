/**
 * One role per process over a real broker: a command in one process, its events published by another, read models kept by two
 * more. Whichever is killed, what was acknowledged is there, once, when it is back.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { connectKafka } from '#kafka';
import { projections } from '#projections';
import { recordsOf, sambaLog, vectorLine } from '../../libs/ingestion/from-kafka/collected.spec-support.js';
import { tableDigest } from '../../libs/projections/table-digest.js';
import { type Cluster, startCluster } from '../../tools/cluster/cluster.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from '../support/kafka-brokers.js';
import { type Answer, type Api, createApi, type Json, newKeyEncryptionKey, query } from '../support/server.js';

const SAMPLE = 'samples/lab-samba-ad/log.samba.gz';
const WAIT_MS = 90_000;

type Ready = {
  readonly status: string;
  readonly projections: readonly {
    readonly name: string;
    readonly feed: string;
    readonly partitions?: readonly { readonly partition: number; readonly lag: number }[];
  }[];
  readonly kafka?: { readonly state: string };
  readonly relay: { readonly state: string; readonly lag: number };
  readonly ingest?: { readonly counts: { readonly appended: number; readonly refused: number } };
};

describeWithOwnKafka('one role per process over Kafka', () => {
  let brokers: KafkaBrokers;
  let database: TestDatabase;
  let cluster: Cluster;
  let api: Api;

  beforeAll(async () => {
    [brokers, database] = await Promise.all([startKafkaBrokers(), createTestDatabase()]);
    const env = { KERBTRAIL_KEK: newKeyEncryptionKey() };
    cluster = await startCluster({ databaseUrl: database.url, brokers: brokers.addresses, env });
    api = createApi(cluster.api.url, cluster.api.token);
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await brokers?.stop();
    await database?.drop();
  }, 60_000);

  const ready = async (name: string): Promise<Ready> =>
    (await createApi(cluster.process(name).url, '').get<Ready>('/ready')).body;

  /** The sample as it would have been in another year, so that each is new to the log; gives its last position. */
  async function importYear(year: number): Promise<number> {
    const text = gunzipSync(await readFile(SAMPLE)).toString('latin1');
    const raw = new Uint8Array(Buffer.from(text.replaceAll('2026', String(year)), 'latin1'));
    const headers = { 'content-type': 'application/octet-stream' };
    const path = query('/v1/imports', { name: `log-${year}.samba`, source: `dc-${year}` });
    const { body, text: said } = await api.call<readonly Json[]>('POST', path, { raw, headers });
    const finished = body.at?.(-1)?.['finished'] as { position: number; appended: number } | undefined;
    if (!finished || finished.appended < 200) throw new Error(said);
    return finished.position;
  }

  async function readBack(position: number): Promise<Answer> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const answer = await api.get(query('/v1/tickets', { after: position }));
      if (answer.status !== 503 || Date.now() > deadline) return answer;
    }
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + WAIT_MS; !(await isSo());) {
      if (Date.now() > deadline) throw new Error(`still not so: ${what}`);
      await delay(100);
    }
  }

  /** Both projectors have partitions of every read model, and together each partition once. */
  async function sharePartitions(): Promise<boolean> {
    const both = await Promise.all([ready('projector-1'), ready('projector-2')]);
    return projections.every(({ name }) => {
      const shares = both.map((one) => one.projections.find((known) => known.name === name)?.partitions ?? []);
      const all = shares.flat().map(({ partition }) => partition);
      return shares.every(({ length }) => length > 0) && all.toSorted((a, b) => a - b).join() === '0,1,2,3,4,5';
    });
  }

  /** Of all tables but the index of events, to which a rebuild adds its own. */
  const digests = async (): Promise<Record<string, string>> => {
    const tables = projections.flatMap((projection) => projection.tables).filter((table) => table !== 'event_index');
    return Object.fromEntries(
      await Promise.all(tables.map(async (table) => [table, await tableDigest(database.pool, table)])),
    ) as Record<string, string>;
  };

  it('answers people where the role is api, and machines everywhere', async () => {
    for (const { url, role } of cluster.processes) {
      const asked = createApi(url, cluster.api.token);
      expect((await asked.get('/health')).body).toEqual({ status: 'ok' });
      expect((await asked.get('/metrics')).text).toMatch(/^kerbtrail_relay_lag_events \d+$/m);
      expect((await asked.get('/v1/forests')).status).toBe(role === 'api' ? 200 : 404);
    }
    const published = cluster.processes.filter(({ folder }) => existsSync(join(folder, 'local.json')));
    expect(published.map(({ name }) => name)).toEqual(['api']);
  });

  it(
    'fills the read models by way of the topic, each partition by one of two projectors',
    async () => {
      expect((await readBack(await importYear(2026))).status).toBe(200);
      await until('both projectors have partitions', sharePartitions);
      const { projections: seen, relay } = await ready('api');
      expect(seen.map(({ feed }) => feed)).toEqual(projections.map(() => 'elsewhere'));
      expect(relay).toMatchObject({ state: 'elsewhere', lag: 0 });
      expect((await ready('relay')).relay.state).toBe('live');
      const { text } = await createApi(cluster.process('projector-1').url, '').get('/metrics');
      expect(text).toMatch(/kerbtrail_projection_partition_lag_positions\{projection="events",partition="\d"\} 0/);
    },
    WAIT_MS,
  );

  it(
    'goes on where it was after the relay was killed',
    async () => {
      await cluster.process('relay').stop('SIGKILL');
      const position = await importYear(2025);
      const { status, body } = await api.get(query('/v1/tickets', { after: position }));
      expect([status, body['code']]).toEqual([503, 'PROJECTION_BEHIND']);
      const { checks } = await api.done<{ checks: Json[] }>('GET', '/v1/doctor');
      expect(checks).toContainEqual(
        expect.objectContaining({ check: 'relay', detail: expect.stringMatching(/^elsewhere: 2\d\d events/) }),
      );
      await cluster.process('relay').start();
      expect((await readBack(position)).status).toBe(200);
    },
    WAIT_MS,
  );

  it(
    'takes what collectors send from the topic into the log, and puts aside what nobody can read',
    async () => {
      const transport = await connectKafka({ brokers: brokers.addresses, clientId: 'collector' });
      const log = Buffer.from(sambaLog.toString('latin1').replaceAll('2026', '2022'), 'latin1');
      const values = ['no record of anything', ...recordsOf(log).map(vectorLine)];
      try {
        await until('the raw topic is there', async () => (await transport.partitionEnds('kerbtrail.raw.v1')) !== null);
        await transport.send(
          'kerbtrail.raw.v1',
          values.map((value) => ({ key: 'dc1', value, headers: {} })),
        );
      } finally {
        await transport.close();
      }
      const counts = async () => (await ready('ingest')).ingest?.counts;
      await until('everything is taken', async () => {
        const { appended = 0, refused = 0 } = (await counts()) ?? {};
        return appended >= 200 && refused === 1;
      });
      const { head } = await api.done<{ head: number }>('GET', '/v1/projections');
      expect((await readBack(head)).status).toBe(200);
    },
    WAIT_MS,
  );

  it(
    'hands the partitions of a killed projector to the other, and shares them again when it is back',
    async () => {
      const importing = importYear(2024);
      await cluster.process('projector-1').stop('SIGKILL');
      expect((await readBack(await importing)).status).toBe(200);
      await cluster.process('projector-1').start();
      await until('both projectors have partitions', sharePartitions);
      expect((await readBack(await importYear(2023))).status).toBe(200);
    },
    2 * WAIT_MS,
  );

  it(
    'starts and takes commands while the broker is away, says so, and the rest follows when it is back',
    async () => {
      await brokers.kill(1);
      for (const name of ['api', 'relay', 'projector-2']) await cluster.process(name).stop();
      for (const name of ['api', 'relay', 'projector-2']) await cluster.process(name).start();
      api = createApi(cluster.process('api').url, cluster.api.token);
      const { position } = await api.done<{ position: number }>('POST', '/v1/forests', { name: 'corp.example' });
      expect(await ready('relay')).toMatchObject({ status: 'degraded', kafka: { state: 'connecting' } });
      expect((await api.get('/ready')).status).toBe(200);
      await until('the relay says why it waits', async () =>
        /role relay waits until Kafka at 127.0.0.1:\d+ answers/.test(
          await readFile(cluster.process('relay').log, 'utf8'),
        ),
      );
      await brokers.start(1);
      expect((await readBack(position)).status).toBe(200);
      await until('it is ready', async () => (await ready('relay')).status === 'ready');
    },
    2 * WAIT_MS,
  );

  it(
    'ends, after all that, in the very tables that are built from the log',
    async () => {
      const fed = await digests();
      for (const { name } of projections) {
        const { body } = await api.call<readonly Json[]>('POST', `/v1/projections/${name}/rebuild`);
        expect(body.at(-1)).toHaveProperty('finished');
      }
      const { head } = await api.done<{ head: number }>('GET', '/v1/projections');
      expect((await readBack(head)).status).toBe(200);
      expect(await digests()).toEqual(fed);
      const { rows } = await database.pool.query('SELECT count(*)::integer AS indexed FROM read.event_index');
      expect(rows).toEqual([{ indexed: head }]);
    },
    WAIT_MS,
  );
});
