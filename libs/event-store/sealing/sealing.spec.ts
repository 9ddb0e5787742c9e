/** Sealing as pure facts: what leaves an event, what comes back, and what stays when the key is gone. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, record, string } from 'fast-check';
import { z } from 'zod';
import { canonicalJson } from '../canonical-json.js';
import { defineEvent } from '../catalogue.js';
import type { Json, JsonObject, NewEvent, RecordedEvent } from '../event.js';
import type { AppendItem } from '../event-store.js';
import { openEvent, sealedSubjects } from './open-event.js';
import {
  ACCOUNT,
  endpointOf,
  of,
  PERSON,
  personalValues,
  saidOf,
  sealingBytesMax,
  SERVICE,
  type Subject,
} from './personal-field.js';
import { Sealer } from './seal-event.js';
import { PSEUDONYM_PREFIX, SUBJECT_KEY_BYTES, SubjectKey } from './subject-key.js';
import type { SubjectKeys } from './subject-keys.js';

const LoggedOn = defineEvent('LoggedOn', z.object({}), {
  personal: {
    client: ACCOUNT,
    clientName: of('client', 'self'),
    address: endpointOf('client', 'clientName'),
    spn: SERVICE,
    reason: saidOf('clientName'),
    'holders.account': ACCOUNT,
    'keys.salt': of('client'),
    device: PERSON,
  },
});
const definitions = new Map([['LoggedOn', LoggedOn]]);

/** Keys as the table would give them: one for a name, whatever its case. */
class KeysInMemory implements SubjectKeys {
  readonly keys = new Map<string, SubjectKey>();

  async ensure(subjects: readonly Subject[]): Promise<SubjectKey[]> {
    return subjects.map(({ forest, name }) => {
      const id = createHash('sha256').update(`${forest} ${name.toLowerCase()}`).digest('base64url').slice(0, 22);
      const key = this.keys.get(id) ?? new SubjectKey(id, randomBytes(SUBJECT_KEY_BYTES));
      this.keys.set(id, key);
      return key;
    });
  }

  async byId(): Promise<ReadonlyMap<string, SubjectKey>> {
    return this.keys;
  }
}

function event(data: JsonObject, origin: 'decided' | 'observed' = 'observed', actor?: string): NewEvent {
  const metadata = { origin, ...(actor !== undefined && { actor }) };
  return { type: 'LoggedOn', schemaVersion: 1, occurredAt: '2026-11-22T10:00:00Z', data, metadata };
}

async function seal(keys: SubjectKeys, ...events: NewEvent[]): Promise<RecordedEvent[]> {
  const sealer = new Sealer(definitions, keys, () => '01a20448-16e9-776a-aa1d-009b762a03ce', randomBytes);
  const item: AppendItem = { id: 'i', digest: randomBytes(32), writes: [{ stream: 's-1', expected: 'any', events }] };
  const [sealed] = await sealer.seal([item]);
  return sealed!.writes[0]!.events.map((stored, n) => stands(stored, n));
}

/** As it comes back from the log. */
function stands(stored: NewEvent, n: number): RecordedEvent {
  const { id = '01a20448-16e9-776a-aa1d-009b762a03ff', ...rest } = stored;
  const placed = { stream: 's-1', version: n + 1, position: n + 1, recordedAt: '2026-11-22T10:00:00.000000Z' };
  return JSON.parse(JSON.stringify({ ...rest, ...placed, id })) as RecordedEvent;
}

const copyOf = (stored: RecordedEvent): RecordedEvent => structuredClone(stored);
const alice = { forest: 'f', clientName: 'alice@CORP', address: '10.0.0.7' };

describe('a sealed event', () => {
  it('holds pseudonyms, and the originals in one box for each subject', async () => {
    const [stored] = await seal(new KeysInMemory(), event({ ...alice, device: 'PHONE-A' }, 'observed', 'S-1-5-21-7'));
    expect(JSON.stringify(stored)).not.toMatch(/alice|10\.0|PHONE|S-1-5/i);
    expect(stored!.data['clientName']).toMatch(/^erased:[\w-]{22}$/);
    expect(stored!.metadata.actor).toMatch(/^erased:[\w-]{22}$/);
    expect(sealedSubjects(stored!)).toHaveLength(3); // alice, her phone, the actor
  });

  it('is opened to what it was, without a trace of the sealing', async () => {
    const keys = new KeysInMemory();
    const data = {
      ...alice,
      client: 'CN=Alice',
      keys: [{ etype: 18, salt: 'CORPalice' }],
      holders: [{ account: 'CN=Bob', spn: 'HTTP/a' }],
    };
    const [stored] = await seal(keys, event(data, 'observed', 'S-1-5-21-7'));
    const opened = openEvent(copyOf(stored!), keys.keys);
    expect(opened.data).toEqual(data);
    expect(opened.metadata).toEqual({ origin: 'observed', actor: 'S-1-5-21-7' });
  });

  it('keeps the shape and loses the person when the key is gone, and only that person', async () => {
    const keys = new KeysInMemory();
    const [stored] = await seal(keys, event({ ...alice, holders: [{ account: 'CN=Bob', spn: 'HTTP/a' }] }));
    const [{ id }] = (await keys.ensure([{ forest: 'f', name: 'ALICE@corp' }])) as [SubjectKey];
    keys.keys.delete(id);
    const { data } = openEvent(copyOf(stored!), keys.keys);
    expect(data).toEqual({
      forest: 'f',
      clientName: expect.stringContaining(PSEUDONYM_PREFIX),
      address: expect.stringContaining(PSEUDONYM_PREFIX),
      holders: [{ account: 'CN=Bob', spn: 'HTTP/a' }],
    });
  });

  it('has one pseudonym for a name in any case, another in another forest, another for another value', async () => {
    const names = await seal(
      new KeysInMemory(),
      event(alice),
      event({ ...alice, clientName: 'ALICE@corp' }),
      event({ ...alice, forest: 'g' }),
    );
    const [one, sameName, elsewhere] = names.map(({ data }) => data['clientName']);
    expect(sameName).toBe(one);
    expect(elsewhere).not.toBe(one);
    expect(names[0]!.data['address']).not.toBe(one);
  });

  it('leaves the port of an address, in the form of an address', async () => {
    const keys = new KeysInMemory();
    const addresses = ['10.0.0.7:34774', '10.0.0.7:34775', '[fd00::1]:88', '10.0.0.7'];
    const stored = await seal(keys, ...addresses.map((address) => event({ ...alice, address })));
    const stands = stored.map(({ data }) => data['address'] as string);
    expect(stands).toEqual([
      expect.stringMatching(/^\[erased:[\w-]{22}\]:34774$/),
      stands[0]!.replace('34774', '34775'),
      expect.stringMatching(/^\[erased:[\w-]{22}\]:88$/),
      stands[0]!.slice(1, -7),
    ]);
    expect(stored.map((each) => openEvent(each, keys.keys).data['address'])).toEqual(addresses);
  });

  it('is whole only in its own place', async () => {
    const keys = new KeysInMemory();
    const [stored] = await seal(keys, event(alice));
    const failure = expect.objectContaining({ code: 'ES_BOX_DAMAGED' });
    expect(() => openEvent({ ...copyOf(stored!), stream: 's-2' }, keys.keys)).toThrow(failure);
    expect(() => openEvent({ ...copyOf(stored!), id: '01a20448-16e9-776a-aa1d-000000000000' }, keys.keys)).toThrow(
      failure,
    );
    const [[subject, box]] = Object.entries(stored!.data['sealed'] as Record<string, string>) as [[string, string]];
    for (const damaged of [`A${box.slice(1)}`.replace(/^AA/, 'BA'), box.slice(0, 20), '']) {
      const moved = copyOf(stored!);
      expect(() => openEvent({ ...moved, data: { ...moved.data, sealed: { [subject]: damaged } } }, keys.keys)).toThrow(
        failure,
      );
    }
  });

  it('leaves the event that was given to it as it was', async () => {
    const given = event({ ...alice, holders: [{ account: 'CN=Bob', spn: 'HTTP/a' }] });
    const before = structuredClone(given);
    await seal(new KeysInMemory(), given);
    expect(given).toEqual(before);
  });

  it('is refused when it uses the name of the box itself', async () => {
    await expect(seal(new KeysInMemory(), event({ ...alice, sealed: 'mine' }))).rejects.toMatchObject({
      code: 'ES_EVENT_REJECTED',
    });
  });

  it.each([
    ['any text comes back', string({ unit: 'grapheme', minLength: 1 })],
    ['long texts come back', string({ minLength: 300, maxLength: 2_000 })],
  ])('%s', async (_, text) => {
    await assert(
      asyncProperty(text, text, async (clientName, account) => {
        const keys = new KeysInMemory();
        const data = {
          forest: 'f',
          clientName,
          holders: [
            { account, spn: 's' },
            { account: clientName, spn: 't' },
          ],
        };
        const [stored] = await seal(keys, event(data));
        expect(() => canonicalJson(stored!.data as Json)).not.toThrow();
        expect(openEvent(stored!, keys.keys).data).toEqual(data);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the length of a sealed event', () => {
  it('is never more than what was reckoned with', async () => {
    const long = string({ unit: 'grapheme', maxLength: 3_000 });
    const holders = array(record({ account: long, spn: string() }), { maxLength: 20 });
    await assert(
      asyncProperty(long, long, long, holders, async (clientName, reason, device, held) => {
        const data = { forest: 'f', clientName, reason, device, spn: device, holders: held };
        const [stored] = await seal(new KeysInMemory(), event(data));
        const length = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
        expect(length(stored!.data)).toBeLessThanOrEqual(length(data) + sealingBytesMax(LoggedOn.personal, data) + 20);
      }),
      { numRuns: 100 },
    );
  });
});

describe('what is personal', () => {
  const fields = Object.entries(LoggedOn.personal).map(([path, field]) => [path.split('.'), field] as const);
  const subjectsOf = (data: JsonObject, origin: 'decided' | 'observed') =>
    Object.fromEntries(personalValues(fields, data, origin).map(({ path, subject }) => [path.join('/'), subject.name]));

  it('belongs to the account where it is known: an opaque id of ours, which stays', () => {
    expect(subjectsOf({ ...alice, client: 'a1', reason: 'ours' }, 'decided')).toEqual({
      clientName: 'a1',
      address: 'a1',
    });
  });

  it("belongs to the name where nothing else is known; in other systems' records accounts are names too", () => {
    expect(subjectsOf({ ...alice, reason: 'unknown client alice' }, 'observed')).toEqual({
      clientName: 'alice@CORP',
      address: 'alice@CORP',
      reason: 'alice@CORP',
    });
    expect(subjectsOf({ client: 'CN=A', holders: [{ account: 'CN=B' }] }, 'observed')).toEqual({
      client: 'CN=A',
      'holders/0/account': 'CN=B',
    });
  });

  it('is a ticket for an account under its own name, not one for a service', () => {
    expect(subjectsOf({ spn: 'HTTP/web1' }, 'observed')).toEqual({});
    expect(subjectsOf({ spn: 'alice' }, 'observed')).toEqual({ spn: 'alice' });
  });

  it('is nothing that is not there, or empty, or about nobody', () => {
    expect(subjectsOf({ clientName: '', address: '10.0.0.7', reason: 'r', holders: [] }, 'observed')).toEqual({});
  });
});
