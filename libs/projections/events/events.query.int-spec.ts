/** The event timeline over a real log with the sample recording in it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leafHash, streamName, type RecordedEvent } from '#event-store';
import { randomUUID } from 'node:crypto';
import { recordSample, type RecordedSample } from '../recorded-sample.spec-support.js';
import { sampleFiles } from '../sample-recording.spec-support.js';
import { directoryProjection } from '../spn-directory/directory.projection.js';
import { accountTimelineParameters, getAccountTimeline } from '../timeline/account-timeline.query.js';
import { eventsProjection } from './events.projection.js';
import {
  findEvents,
  findEventsParameters,
  getEvent,
  tailEvents,
  tailEventsParameters,
  type LoggedEvent,
} from './events.query.js';

let sample: RecordedSample;

beforeAll(async () => {
  sample = await recordSample(sampleFiles, [eventsProjection, directoryProjection]);
  await sample.catchUp();
});
afterAll(() => sample.close());

async function events(parameters: Record<string, unknown>): Promise<readonly LoggedEvent[]> {
  const parsed = findEventsParameters.parse({ order: 'asc', limit: 1_000, ...parameters });
  return (await findEvents(sample.database.prisma, sample.store, parsed)).rows;
}

const all = async (): Promise<RecordedEvent[]> => sample.store.readAll({ after: 0, limit: 10_000 });

describe('events', () => {
  it('are all found, in order of the instants at which they occurred', async () => {
    const found = await events({});
    expect(found).toHaveLength((await all()).length);
    const instants = found.map(({ occurredAt }) => occurredAt.replace('Z', '').padEnd(29, '0'));
    expect(instants).toEqual(instants.toSorted());
  });

  it('are given as they stand in the log', async () => {
    const [first] = await events({ type: 'SpnRegistrationRefused' });
    const [logged] = await sample.store.readAll({ after: first!.position - 1, limit: 1 });
    expect(first).toMatchObject(logged!);
  });

  it.each<[string, Record<string, unknown>, (event: RecordedEvent) => boolean]>([
    ['type', { type: 'ServiceTicketIssued' }, ({ type }) => type === 'ServiceTicketIssued'],
    ['stream', { stream: 'source-ldif/corp.example' }, ({ stream }) => stream === 'source-ldif/corp.example'],
    ['forest', { forest: 'observed:corp.example' }, ({ data }) => data['forest'] === 'observed:corp.example'],
    ['actor', { actor: 'tester' }, ({ metadata }) => metadata.actor === 'tester'],
    ['code', { code: 'constraintViolation' }, ({ data }) => data['code'] === 'constraintViolation'],
    [
      'status, which is a code too',
      { code: 'NT_STATUS_LOGON_FAILURE' },
      ({ data }) => data['status'] === 'NT_STATUS_LOGON_FAILURE',
    ],
    [
      'SPN, whatever its case',
      { spn: 'http/WEB1.corp.example' },
      ({ data }) => /"HTTP\/web1\.corp\.example"/i.test(JSON.stringify(data)),
    ],
    [
      'time',
      { since: '2026-11-22T10:53:30Z', until: '2026-11-22T10:53:35.577807Z' },
      ({ occurredAt }) => occurredAt >= '2026-11-22T10:53:30' && occurredAt < '2026-11-22T10:53:35.577807',
    ],
  ])('are found by %s', async (_, parameters, isMeant) => {
    const found = await events(parameters);
    expect(found.length).toBeGreaterThan(0);
    expect(found.map(({ id }) => id).toSorted()).toEqual(
      (await all())
        .filter(isMeant)
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  it('are read page by page, either way', async () => {
    for (const order of ['asc', 'desc'] as const) {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const parameters = findEventsParameters.parse({ order, limit: 50, cursor, since: '2026-11-22T10:53:20Z' });
        const page = await findEvents(sample.database.prisma, sample.store, parameters);
        ids.push(...page.rows.map(({ id }) => id));
        cursor = page.next ?? undefined;
      } while (cursor);
      expect(ids).toEqual((await events({ order, since: '2026-11-22T10:53:20Z' })).map(({ id }) => id));
    }
  });
});

describe('one event', () => {
  it('comes with the bytes that its leaf commits to', async () => {
    const found = await getEvent(sample.store, 7);
    expect(leafHash(found!.body)).toBe(found!.leaf);
    expect(found!.event).toEqual({ position: 7, ...JSON.parse(found!.body) });
  });

  it('that is not there yet is null', async () => {
    expect(await getEvent(sample.store, 1_000_000)).toBeNull();
  });
});

describe('the tail', () => {
  const tail = (parameters: object) =>
    tailEvents(sample.database.prisma, sample.store, tailEventsParameters.parse(parameters));

  it('goes on from a position, in order of the log', async () => {
    const { rows, next } = await tail({ after: 100, limit: 3 });
    expect([rows.map(({ position }) => position), next]).toEqual([[101, 102, 103], 103]);
  });

  it('gives nothing at the end, and the same position again', async () => {
    const head = await sample.store.head();
    expect(await tail({ after: head })).toEqual({ rows: [], next: head });
  });

  it('waits for the next event', async () => {
    const head = await sample.store.head();
    const waiting = tail({ after: head, waitSeconds: 20, type: 'TokenRevoked' });
    await sample.store.append([
      {
        id: randomUUID(),
        digest: Buffer.alloc(32),
        writes: [
          {
            stream: streamName('operation', 'token/t1'),
            expected: 0,
            events: [
              {
                type: 'TokenRevoked',
                schemaVersion: 1,
                occurredAt: '2026-12-01T00:00:00.000000Z',
                data: { token: 't1' },
                metadata: { origin: 'decided', actor: 'kim' },
              },
            ],
          },
        ],
      },
    ]);
    expect((await waiting).rows.map(({ data }) => data)).toEqual([{ token: 't1' }]);
  });
});

describe("an account's timeline", () => {
  const timeline = (account: string, parameters: object = {}) =>
    getAccountTimeline(
      sample.database.prisma,
      sample.store,
      account,
      accountTimelineParameters.parse({ order: 'asc', limit: 1_000, ...parameters }),
    );
  const rep = 'CN=svc-rep,CN=Users,DC=corp,DC=example';

  it('tells what became of it, and which of its SPNs', async () => {
    const { rows, accounts } = await timeline(rep);
    expect(accounts).toEqual([{ forest: 'observed:corp.example', account: rep }]);
    const lists = rows.filter(({ type, occurredAt }) => type === 'SpnsReplaced' && occurredAt > '2026-11-22T10:53:30');
    expect(lists.map(({ occurredAt, data }) => [occurredAt, data['spns']])).toEqual([
      ['2026-11-22T10:53:35.176360Z', ['rep/rpt1.corp.example', 'cifs/files.corp.example']],
      ['2026-11-22T10:53:36.372303Z', ['rep/rpt1.corp.example']],
    ]);
    expect(rows.map(({ type }) => type)).toEqual(expect.arrayContaining(['AccountCreated', 'AccountListed']));
  });

  it('is the same under each of its names', async () => {
    const { rows } = await timeline('CN=alice,CN=Users,DC=corp,DC=example');
    expect(rows.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['AccountCreated', 'TgtIssued', 'ServiceTicketIssued']),
    );
    for (const name of ['alice', 'ALICE@CORP.EXAMPLE']) expect((await timeline(name)).rows).toEqual(rows);
  });

  it('shows what it did as an actor', async () => {
    const { rows } = await timeline('Administrator@CORP.EXAMPLE', { type: 'SpnRegistered' });
    expect(rows).toHaveLength(9);
    expect(rows.every(({ metadata }) => metadata.actor?.endsWith('-500'))).toBe(true);
  });

  it('of a name without an account is what names it', async () => {
    const { rows, accounts } = await timeline('scanner@CORP.EXAMPLE');
    expect(accounts).toEqual([]);
    expect(rows.map(({ type }) => type).toSorted()).toEqual(['AuthenticationLogged', 'TgtRefused']);
  });
});
