/**
 * A running server's /v1/evidence before a verifier that is not ours (golang.org/x/mod/sumdb, test/interop/tlog-go), over HTTP: the
 * log that was written is accepted, with the positions it is asked for and its growth; each tampered one is refused.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { leafHash } from '#tlog';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type LoggedEvent, readEvents, tampering, type Tampering } from '../support/log-tampering.js';
import { type Api, makeToken, query, startServer, type TestServer } from '../support/server.js';
import { type Checked, describeWithTlogChecker } from '../support/tlog-checker.js';

const SAMPLES = resolve('samples/lab-samba-ad');
const RECORDINGS = ['log.samba.gz', 'directory-t0.ldif'];
const OBSERVED_AT = '2026-11-22T10:53:20.804Z';

describeWithTlogChecker('the Go checksum database’s verifier, before a running server,', (check) => {
  let database: TestDatabase;
  let server: TestServer;
  let auditor: Api;
  let key: string;
  let events: LoggedEvent[];
  let earlier: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ databaseUrl: database.url });
    auditor = await makeToken(server.api, { roles: ['auditor'] });
    earlier = join(server.folder, 'earlier-checkpoint');
    await signed();
    await writeFile(earlier, (await auditor.get('/v1/evidence/checkpoint')).text);
    for (const name of RECORDINGS) await importFile(name);
    await signed();
    events = await readEvents(database);
    key = (await auditor.get<{ rows: { verifierKey: string }[] }>('/v1/evidence/keys')).body.rows[0]!.verifierKey;
  }, 120_000);
  afterAll(async () => {
    await server.dispose();
    await database.drop();
  }, 60_000);

  async function importFile(name: string): Promise<void> {
    const { status, text } = await server.api.call('POST', query('/v1/imports', { name, observedAt: OBSERVED_AT }), {
      raw: new Uint8Array(await readFile(join(SAMPLES, name))),
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (status !== 200) throw new Error(`${name} was not imported: ${status} ${text}`);
  }

  async function signed(): Promise<void> {
    for (const deadline = Date.now() + 20_000; ; await delay(100)) {
      const { body } = await server.api.get<{ size: number; head: number }>('/v1/evidence/status');
      if (body.size > 0 && body.size === body.head) return;
      if (Date.now() > deadline) throw new Error(`only ${body.size} of ${body.head} events were signed`);
    }
  }

  const checkServer = (...more: string[]): Promise<Checked> =>
    check(['--key', key, '--url', `${server.url}/v1/evidence`, '--token', auditor.token, ...more]);

  it('accepts the log, every kind of position in it, and its growth from an earlier checkpoint', async () => {
    const positions = [1, 2, 255, 256, 257, events.length];
    const checked = await checkServer('--positions', positions.join(','), '--old', earlier);
    expect(checked).toMatchObject({ size: events.length, verifiedBy: [key.split('+').slice(0, 2).join('+')] });
    expect(checked.records?.map(({ leaf }) => leaf)).toEqual(
      positions.map((position) => leafHash(events[position - 1]!.body).toString('base64')),
    );
    expect(checked.consistency?.from).toBeGreaterThan(0);
  });

  it.each<[what: string, change: (log: Tampering) => Promise<void>, says: string]>([
    ['an event', (log) => log.overwrite(100, events[100]!.body, { leaf: true }), 'position 100'],
    ['an event and every tile', rewritten(100), 'inconsistent tile'],
    ['an event of the open tile and the tile', rewritten(270), 'inconsistent tile'],
    [
      'the signed size',
      (log) => log.sql(`UPDATE evidence.checkpoint SET note = replace(note, E'\\n' || size || E'\\n', E'\\n257\\n')`),
      'invalid signature',
    ],
  ])('refuses the log after a change of %s', async (_, change, says) => {
    const { error } = await tampering(database.adminPool, change, () => checkServer('--positions', '1,100,270'));
    expect(error).toContain(says);
  });

  it('refuses another key than the log’s', async () => {
    const other = 'kerbtrail.example/log+f9bd8fbb+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const { error } = await check(['--key', other, '--url', `${server.url}/v1/evidence`, '--token', auditor.token]);
    expect(error).toMatch(/no verifiable signatures|malformed|invalid/);
  });

  function rewritten(position: number): (log: Tampering) => Promise<void> {
    return async (log) => {
      await log.overwrite(position, events[0]!.body, { leaf: true });
      await log.rewriteTree();
    };
  }
});
