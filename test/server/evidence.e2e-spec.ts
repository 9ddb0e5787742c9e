/**
 * The evidence log of a running server, verified from outside with nothing but what it gives out: notes, tiles, entries, proofs,
 * bundles. And what the server says when its log was changed behind its back.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  decodeEntryBundle,
  entriesPath,
  leafHash,
  openCheckpoint,
  parseEvidenceBundle,
  parseTlogProof,
  parseVerifierKey,
  rootOfTiles,
  tilePath,
  type Verifier,
  verifyConsistency,
  verifyEvidenceBundle,
  verifyInclusion,
} from '#tlog';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, type Json, makeToken, query, startServer, type TestServer } from '../support/server.js';

const KEK = Buffer.alloc(32, 7).toString('base64');

let database: TestDatabase;
let server: TestServer;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url, keyEncryptionKey: KEK });
  api = server.api;
  await api.done('POST', '/v1/forests', { name: 'corp.example' });
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

type Keys = { readonly origin: string; readonly rows: { number: number; verifierKey: string; until: string | null }[] };

async function verifiers(): Promise<Verifier[]> {
  const { rows } = await api.done<Keys>('GET', '/v1/evidence/keys');
  return rows.map(({ verifierKey }) => parseVerifierKey(verifierKey));
}

async function bytes(
  path: string,
): Promise<{ status: number; type: string | null; cache: string | null; body: Buffer }> {
  const response = await fetch(new URL(`/v1/evidence/${path}`, api.url), {
    headers: { authorization: `Bearer ${api.token}` },
  });
  const { status, headers } = response;
  return {
    status,
    type: headers.get('content-type'),
    cache: headers.get('cache-control'),
    body: Buffer.from(await response.arrayBuffer()),
  };
}

/** The newest checkpoint that covers all that was appended until now. */
async function checkpoint() {
  const { head } = await api.done<{ head: number }>('GET', '/v1/evidence/status');
  const { text } = await api.get(query('/v1/evidence/checkpoint', { after: head }));
  return { note: text, ...openCheckpoint(text, await verifiers()).checkpoint };
}

/** Waits until the server signs no further, and gives the reason. */
async function refusal({ api: of }: TestServer): Promise<string> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { refusal: found, state } = await of.done<{ state: string; refusal?: { reason: string } }>(
      'GET',
      '/v1/evidence/status',
    );
    if (found) return found.reason;
    if (Date.now() > deadline) throw new Error(`still ${state}`);
    await delay(50);
  }
}

describe('the evidence of a log', () => {
  it('is a signed note over the root of the tiles that are served, and the leaves are over the entries', async () => {
    const { origin, size, root } = await checkpoint();
    expect(origin).toMatch(/^kerbtrail\/[0-9a-f]{16}$/);
    const served = await rootOfTiles(size, async (tile) => (await bytes(tilePath(tile))).body);
    expect(served).toEqual(root);
    const entries = decodeEntryBundle((await bytes(entriesPath(0, size))).body);
    const leaves = (await bytes(tilePath({ level: 0, index: 0, width: size }))).body;
    expect(Buffer.concat(entries.map((entry) => leafHash(entry)))).toEqual(leaves);
    const { body } = await api.get('/v1/events/1');
    expect(entries[0]!.toString()).toBe(body['body']);
  });

  it('names itself in an event, with the public half of its key and no other', async () => {
    const { rows } = await api.done<{ rows: Json[] }>('GET', '/v1/events?type=CheckpointKeyEstablished&after=3');
    const { origin, rows: keys } = await api.done<Keys>('GET', '/v1/evidence/keys');
    expect(rows).toMatchObject([{ data: { origin, key: 1, verifierKey: keys[0]!.verifierKey } }]);
  });

  it('is proven for one event, as C2SP tlog-proof and as JSON', async () => {
    const { text, headers } = await api.get('/v1/evidence/proof?position=2');
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const { index, proof, checkpoint: note } = parseTlogProof(text);
    const { size, root } = openCheckpoint(note, await verifiers()).checkpoint;
    const { body } = await api.get('/v1/events/2');
    expect(verifyInclusion({ size, index, leaf: leafHash(String(body['body'])), proof, root })).toBe(true);
    expect(index).toBe(1);
    const json = await api.call('GET', '/v1/evidence/proof?position=2', { headers: { accept: 'application/json' } });
    expect(json.body).toMatchObject({
      position: 2,
      index: 1,
      size: expect.any(Number),
      checkpoint: expect.any(String),
    });
  });

  it('is waited for: the proof of an event that was appended a moment ago', async () => {
    const { position } = await api.done<{ position: number }>('POST', '/v1/forests', { name: 'fresh.example' });
    const { status, text } = await api.get(query('/v1/evidence/proof', { position }));
    expect([status, parseTlogProof(text).index]).toEqual([200, position - 1]);
  });

  it('is proven to have grown only', async () => {
    const before = await checkpoint();
    await api.done('POST', '/v1/forests', { name: 'grown.example' });
    const after = await checkpoint();
    expect(after.size).toBeGreaterThan(before.size);
    const path = query('/v1/evidence/consistency', { from: before.size, to: after.size });
    const { proof } = await api.done<{ proof: string[] }>('GET', path);
    const hashes = proof.map((hash) => Buffer.from(hash, 'base64'));
    const claim = { from: before.size, fromRoot: before.root, to: after.size, toRoot: after.root, proof: hashes };
    expect(verifyConsistency(claim)).toBe(true);
    const { text } = await api.get(query('/v1/evidence/checkpoint', { size: before.size }));
    expect(text).toBe(before.note);
  });

  it.each([{ positions: [3, 1, 3] }, { from: 1, to: 3 }, { stream: 'operation-evidence' }])(
    'goes out as a bundle that verifies without the server: %j',
    async (selection) => {
      const { text } = await api.call('POST', '/v1/evidence/bundle', { body: selection });
      const report = verifyEvidenceBundle(parseEvidenceBundle(text), await verifiers());
      expect(report).toMatchObject({ fault: null });
    },
  );

  it.each([
    ['GET', 'checkpoint?size=0', 404, 'EVIDENCE_NONE'],
    ['GET', 'tile/0/0', 404, 'EVIDENCE_TILE_UNKNOWN'],
    ['GET', 'tile/0/000', 404, 'EVIDENCE_TILE_UNKNOWN'],
    ['GET', 'tile/0/x001/000.p/3', 404, 'EVIDENCE_TILE_UNKNOWN'],
    ['GET', 'tile/entries/000', 404, 'EVIDENCE_TILE_UNKNOWN'],
    ['GET', 'tile/0/../keys', 404, 'EVIDENCE_TILE_UNKNOWN'],
    ['GET', 'proof?position=1000000', 404, 'EVENT_UNKNOWN'],
    ['GET', 'proof?position=0', 400, 'REQUEST_INVALID'],
    ['GET', 'consistency?from=3&to=2', 400, 'REQUEST_INVALID'],
    ['POST', 'bundle', 400, 'REQUEST_INVALID', { positions: [] }],
    ['POST', 'bundle', 400, 'REQUEST_INVALID', { from: 3, to: 1 }],
    ['POST', 'bundle', 413, 'EVIDENCE_BUNDLE_SIZE', { stream: 'none-such' }],
    ['POST', 'keys/rotate', 400, 'REQUEST_INVALID', { overlapDays: -1 }],
  ] as const)('%s %s: %s %s', async (method, path, status, code, ...[body]) => {
    const answer = await api.call(method, `/v1/evidence/${path}`, body === undefined ? {} : { body });
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  it('is for whoever may see the whole log: a token of one forest gets none of it', async () => {
    const narrow = await makeToken(api, { roles: ['auditor'], scope: { forest: 'corp.example' } });
    for (const path of ['checkpoint', 'tile/0/000.p/1', 'keys', 'proof?position=1', 'consistency?from=1', 'status']) {
      expect((await narrow.get(`/v1/evidence/${path}`)).body['code']).toBe('OUT_OF_SCOPE');
    }
  });
});

describe('a full tile', () => {
  beforeAll(async () => {
    const names = Array.from(
      { length: 300 },
      (_, n) =>
        `dn: CN=s${n},DC=lab,DC=example\nobjectClass: user\nsAMAccountName: s${n}\nservicePrincipalName: HTTP/s${n}\n`,
    );
    const answer = await api.call('POST', '/v1/imports?name=a.ldif&observedAt=2026-11-22T10:00:00Z', {
      raw: names.join('\n'),
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (answer.status !== 200 || (await checkpoint()).size <= 300) throw new Error(answer.text);
  });

  it('is said to be final, a partial one and entries are not', async () => {
    const full = await bytes('tile/0/000');
    expect(full).toMatchObject({
      status: 200,
      type: 'application/octet-stream',
      cache: 'private, max-age=31536000, immutable',
    });
    expect(full.body).toHaveLength(8192);
    expect((await bytes('tile/0/001.p/3')).cache).toBe('no-cache');
    expect((await bytes('tile/entries/000')).cache).toBe('no-cache');
  });

  it('is served at each earlier width, and so is the edge', async () => {
    const { body } = await bytes('tile/0/000');
    expect((await bytes('tile/0/000.p/200')).body).toEqual(body.subarray(0, 200 * 32));
    expect((await bytes('tile/1/000.p/1')).body).toHaveLength(32);
  });
});

describe('the checkpoint keys', () => {
  it('are rotated by a command: both sign, the old one is told to end, and a retry gets the first answer', async () => {
    const before = await checkpoint();
    const key = '7b0a38b0-0a64-4b8e-9d8e-6a1f0f6f6a01';
    const body = { overlapDays: 7 };
    const first = await api.call('POST', '/v1/evidence/keys/rotate', { body, key });
    expect(first.body).toMatchObject({ key: 2, verifierKey: expect.any(String), position: expect.any(Number) });
    expect((await api.call('POST', '/v1/evidence/keys/rotate', { body, key })).body).toEqual(first.body);
    const { note } = await checkpoint();
    expect(note.match(/^— /gm)).toHaveLength(2);
    expect(before.note.match(/^— /gm)).toHaveLength(1);
    const { rows } = await api.done<Keys>('GET', '/v1/evidence/keys');
    expect(rows).toMatchObject([
      { number: 1, until: first.body['previousUntil'] },
      { number: 2, until: null },
    ]);
    for (const verifier of await verifiers()) expect(openCheckpoint(note, [verifier]).verifiedBy).toEqual([verifier]);
  });
});

describe('a log that was changed behind the server', () => {
  let changed: TestDatabase;
  let other: TestServer;

  beforeAll(async () => {
    changed = await createTestDatabase();
    other = await startServer({ databaseUrl: changed.url, keyEncryptionKey: KEK });
    await other.api.done('POST', '/v1/forests', { name: 'corp.example' });
    const { head } = await other.api.done<{ head: number }>('GET', '/v1/evidence/status');
    await other.api.done('GET', query('/v1/evidence/checkpoint', { after: head }));
  });
  afterAll(async () => {
    await other?.dispose();
    await changed?.drop();
  });

  it('by taking out its last event: no checkpoint is signed any more, readiness, doctor and metrics say so, appends go on', async () => {
    await changed.adminPool.query(`
      BEGIN;
      ALTER TABLE log.event_log_1 DISABLE TRIGGER append_only;
      DELETE FROM log.event_log_1 WHERE position = (SELECT size FROM log.log_head);
      UPDATE log.log_head SET size = size - 1;
      ALTER TABLE log.event_log_1 ENABLE ALWAYS TRIGGER append_only;
      COMMIT`);
    expect(await refusal(other)).toBe('behind-witness');
    const { body } = await other.api.as('').get('/ready');
    expect(body).toMatchObject({ status: 'degraded', evidence: { state: 'refused', reason: 'behind-witness' } });
    expect((await other.api.as('').get('/metrics')).text).toMatch(/^kerbtrail_evidence_refused 1$/m);
    const { checks } = await other.api.done<{ checks: Json[] }>('GET', '/v1/doctor');
    expect(checks).toContainEqual(expect.objectContaining({ check: 'evidence', status: 'failed' }));
    expect(await other.api.done('GET', '/v1/evidence/status')).toMatchObject({
      state: 'refused',
      refusal: { reason: 'behind-witness', detail: expect.stringContaining('truncated') },
    });
    expect((await other.api.call('POST', '/v1/forests', { body: { name: 'later.example' } })).status).toBe(201);
  });

  it('is found at the next start as well', async () => {
    await other.stop();
    const witness = await readFile(join(other.folder, 'witness', 'checkpoint'), 'utf8');
    other = await startServer({ databaseUrl: changed.url, keyEncryptionKey: KEK, folder: other.folder });
    expect(await refusal(other)).toMatch(/behind-witness|log-changed/);
    expect(await readFile(join(other.folder, 'witness', 'checkpoint'), 'utf8')).toBe(witness);
  });
});

describe('a witness', () => {
  it('that was lost begins anew with the newest checkpoint, and the log tells that it did', async () => {
    const { size, root } = await checkpoint();
    await server.stop();
    await rm(join(server.folder, 'witness'), { recursive: true });
    server = await startServer({ databaseUrl: database.url, keyEncryptionKey: KEK, folder: server.folder });
    api = server.api;
    const told = async () => (await api.done<{ rows: Json[] }>('GET', '/v1/events?type=WitnessEstablished')).rows;
    const deadline = Date.now() + 10_000;
    while ((await told()).length === 0 && Date.now() < deadline) await delay(50);
    expect(await told()).toMatchObject([{ data: { size, root: root.toString('base64') } }]);
  });

  it('of another log is not believed', async () => {
    const note = await readFile(join(server.folder, 'witness', 'checkpoint'), 'utf8');
    await server.stop();
    await rm(join(server.folder, 'witness'), { recursive: true });
    await mkdir(join(server.folder, 'witness'));
    await writeFile(join(server.folder, 'witness', 'checkpoint'), note.replace(/^[^\n]+/, 'kerbtrail/other'));
    server = await startServer({ databaseUrl: database.url, keyEncryptionKey: KEK, folder: server.folder });
    expect(await refusal(server)).toBe('witness-foreign');
  });
});
