/** Keys of subjects in schema `secret`: made once, found without case, erased for every process within their life. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEventStore, leafHash, systemRandom, type EventStore, type NewEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { observedEvents } from '../observed/observed.events.js';
import { readKeyEncryptionKey, type KeyEncryptionKey } from './key-encryption-key.js';
import { createNameKey, type NameKey } from './name-key.js';
import { createSubjectKeys, type ErasableSubjectKeys } from './subject-keys.js';

const LIFE_MS = 150;

let database: TestDatabase;
let kek: KeyEncryptionKey;
let nameKey: NameKey;
const newKek = () => readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');

beforeAll(async () => {
  database = await createTestDatabase();
  kek = newKek();
  nameKey = await createNameKey(database.pool, kek, systemRandom);
});
afterAll(() => database.drop());

const open = (lifeMs = LIFE_MS, by = kek): ErasableSubjectKeys =>
  createSubjectKeys({ pool: database.pool, kek: by, nameKey, random: systemRandom, lifeMs });
const subject = (name: string, forest = 'corp.example') => ({ forest, name });
const newName = () => `user-${randomUUID()}`;

function listed(account: string, sid = 'S-1-5-21-1'): NewEvent {
  return {
    type: 'AccountListed',
    schemaVersion: 1,
    occurredAt: '2026-11-22T10:00:00Z',
    data: { forest: 'corp.example', domain: 'corp.example', account, sid, spns: ['HTTP/web1'], part: 1, parts: 1 },
    metadata: { origin: 'observed', actor: `${sid}-admin` },
  };
}

function append(store: EventStore, ...accounts: string[]) {
  const events = accounts.map((account) => listed(account));
  const item = {
    id: randomUUID(),
    digest: Buffer.alloc(32),
    writes: [{ stream: 'source-a', expected: 'any', events }],
  };
  return store.append([item as never]);
}

describe('the keys of subjects', () => {
  it('are one for a name, in any case, for all who ask at once', async () => {
    const name = newName();
    const stores = Array.from({ length: 5 }, () => open());
    const asked = await Promise.all(
      stores.map((keys) => keys.ensure([subject(name), subject(name.toUpperCase()), subject(name, 'other.example')])),
    );
    expect(new Set(asked.map(([key]) => key!.id)).size).toBe(1);
    expect(asked[0]![1]!.id).toBe(asked[0]![0]!.id);
    expect(asked[0]![2]!.id).not.toBe(asked[0]![0]!.id);
    expect(await open().find([subject(name), subject(newName())])).toEqual([asked[0]![0]!.id]);
  });

  it('are made many at a time, in the order asked', async () => {
    const names = Array.from({ length: 2_500 }, newName);
    const keys = await open().ensure(names.map((name) => subject(name)));
    const again = await open().ensure(names.toReversed().map((name) => subject(name)));
    expect(again.map(({ id }) => id).toReversed()).toEqual(keys.map(({ id }) => id));
    expect((await open().byId(keys.map(({ id }) => id))).size).toBe(2_500);
  });

  it('stand nowhere in clear, with no name beside them, and open under their key-encryption key only', async () => {
    const name = newName();
    const [key] = await open().ensure([subject(name)]);
    const { rows } = await database.pool.query<{ row: string }>('SELECT t::text AS row FROM secret.subject_key t');
    expect(rows.some(({ row }) => row.includes(key!.id))).toBe(true);
    expect(rows.some(({ row }) => row.includes(name))).toBe(false);
    await expect(open(LIFE_MS, newKek()).byId([key!.id])).rejects.toMatchObject({ code: 'KEY_UNWRAP_FAILED' });
  });

  it('are gone at once where they are erased, within their life everywhere else, and a new one is another', async () => {
    const name = newName();
    const [here, elsewhere] = [open(), open()];
    const [key] = await here.ensure([subject(name)]);
    await elsewhere.byId([key!.id]);
    expect(await here.erase([key!.id])).toBe(1);
    expect((await here.byId([key!.id])).size).toBe(0);
    await delay(LIFE_MS);
    expect((await elsewhere.byId([key!.id])).size).toBe(0);
    const [next] = await elsewhere.ensure([subject(name)]);
    expect(next!.id).not.toBe(key!.id);
    expect(next!.pseudonym(name)).not.toBe(key!.pseudonym(name));
  });

  it('are never updated', async () => {
    await expect(database.pool.query("UPDATE secret.subject_key SET id = 'x'")).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('a store with keys of subjects', () => {
  const openStore = (subjectKeys?: ErasableSubjectKeys) =>
    createEventStore({ pool: database.pool, catalogues: [observedEvents], ...(subjectKeys && { subjectKeys }) });

  it('seals what it appends; readers see it as it was, the log does not', async () => {
    const store = openStore(open());
    const account = `CN=${newName()}`;
    const [result] = await append(store, account);
    if (result?.status !== 'committed') throw new Error(JSON.stringify(result));
    const { position } = result;
    const [event] = await store.readAll({ after: position - 1, limit: 1 });
    expect(event).toMatchObject({ data: listed(account).data, metadata: { actor: 'S-1-5-21-1-admin' } });
    const [record] = await store.recordsAt([position]);
    const { body, leaf } = record!;
    expect(body).not.toMatch(new RegExp(`${account}|S-1-5`));
    expect(leafHash(body)).toBe(leaf);
    for await (const page of store.replay({ after: position - 1 })) expect(page).toEqual([event]);
    expect((await store.readStream('source-a')).at(-1)).toEqual(event);
  });

  it('gives pseudonyms for who was erased, the same in every event, and changes no byte of the log', async () => {
    const keys = open();
    const store = openStore(keys);
    const [erased, other] = [`CN=${newName()}`, `CN=${newName()}`];
    await append(store, erased, other, erased);
    const head = await store.head();
    const positions = [head - 2, head - 1, head];
    const before = await store.recordsAt(positions);
    await keys.erase(await keys.find([subject(erased)]));
    const [one, untouched, two] = await store.readAll({ after: head - 3, limit: 3 });
    expect(one!.data['account']).toMatch(/^erased:/);
    expect(two!.data['account']).toBe(one!.data['account']);
    expect(one!.data).not.toHaveProperty('sealed');
    expect(one!.data['spns']).toEqual(['HTTP/web1']);
    expect(untouched!.data['account']).toBe(other);
    expect(await store.recordsAt(positions)).toEqual(before);
  });

  it('reads what was written before there were keys', async () => {
    const account = `CN=${newName()}`;
    await append(openStore(), account);
    const store = openStore(open());
    expect((await store.readStream('source-a')).at(-1)!.data['account']).toBe(account);
  });

  it('appends calls in the order in which they were made, whatever keys each has to wait for', async () => {
    const store = openStore(open());
    const known = `CN=${newName()}`;
    await append(store, known);
    const accounts = Array.from({ length: 20 }, (_, n) => (n % 2 ? known : `CN=${newName()}`));
    await Promise.all(accounts.map((account) => append(store, account)));
    const read = (await store.readStream('source-a')).slice(-20);
    expect(read.map(({ data }) => data['account'])).toEqual(accounts);
  });

  it('says that the log is out of reach when its keys are', async () => {
    const pool = { query: () => Promise.reject(new Error('connection refused')) };
    const unreachable = createSubjectKeys({ pool: pool as never, kek, nameKey, random: systemRandom });
    await expect(append(openStore(unreachable), 'CN=a')).rejects.toMatchObject({ code: 'ES_LOG_UNAVAILABLE' });
  });
});
