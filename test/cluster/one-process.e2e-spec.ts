/** Kafka named and no roles: one process does everything, its read models fed by way of the topic that its own relay fills. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { connectKafka } from '#kafka';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from '../support/kafka-brokers.js';
import { type Json, query, startServer, type TestServer } from '../support/server.js';

describeWithOwnKafka('one process with Kafka', () => {
  let brokers: KafkaBrokers;
  let database: TestDatabase;
  let server: TestServer;

  beforeAll(async () => {
    [brokers, database] = await Promise.all([startKafkaBrokers(), createTestDatabase()]);
    const env = { KAFKA_BROKERS: brokers.addresses.join(','), KERBTRAIL_KAFKA_PARTITIONS: '3' };
    server = await startServer({ databaseUrl: database.url, env });
  }, 120_000);
  afterAll(async () => {
    await server?.dispose();
    await brokers?.stop();
    await database?.drop();
  }, 60_000);

  it('has every role: what is imported comes back through the topic, made as configured', async () => {
    const raw = new Uint8Array(await readFile('samples/lab-samba-ad/log.samba.gz'));
    const headers = { 'content-type': 'application/octet-stream' };
    const { body } = await server.api.call<readonly Json[]>('POST', '/v1/imports?name=log.samba.gz', { raw, headers });
    const { position } = body.at(-1)!['finished'] as { position: number };
    let answer = await server.api.get<{ rows: Json[] }>(query('/v1/tickets', { after: position }));
    for (let tries = 0; answer.status === 503 && tries < 10; tries++) {
      answer = await server.api.get(query('/v1/tickets', { after: position }));
    }
    expect(answer.body.rows.length).toBeGreaterThan(5);
    const ready = await server.api.get<{ projections: Json[]; relay: Json; ingest: Json }>('/ready');
    expect(ready.body).toMatchObject({ kafka: { state: 'connected' }, relay: { state: 'live', lag: 0 } });
    expect(ready.body.ingest).toMatchObject({ counts: { appended: 0, refused: 0 } });
    for (const { feed, partitions } of ready.body.projections) {
      expect([feed, (partitions as Json[]).map(({ partition }) => partition)]).toEqual(['kafka', [0, 1, 2]]);
    }
    const transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
    expect(await transport.partitionEnds('kerbtrail.events.v1')).toHaveLength(3);
    await transport.close();
  }, 90_000);

  it('ends as asked, with everything that it began', async () => {
    const began = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(15_000);
  }, 60_000);
});
