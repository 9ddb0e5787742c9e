/** The check that the race tests end with sees what it is there to see. */
import { describe, expect, it } from '@jest/globals';
import type { JsonObject, RecordedEvent } from '#event-store';
import { inconsistencies } from './consistency.spec-support.js';
import { defaultPolicy } from './forest/forest.decider.js';

const forest = 'corp.example';
const [a, b] = ['account-a', 'account-b'];
const name = 'name-corp.example/spn/web1';
const created = (account: string) => ({
  forest,
  account,
  domain: forest,
  kind: 'user',
  samAccountName: account,
  enabled: true,
});

function log(
  ...events: readonly (readonly [stream: string, type: string, data: JsonObject, second?: number])[]
): RecordedEvent[] {
  return events.map(([stream, type, data, second = 0], i) => ({
    id: String(i),
    stream,
    version: i + 1,
    position: i + 1,
    type,
    schemaVersion: 1,
    occurredAt: `2026-11-22T10:00:0${second}Z`,
    recordedAt: '2026-11-22T10:00:00Z',
    data,
    metadata: { origin: 'decided' },
  }));
}

const spn = (account: string) => ({ forest, account, domain: forest, spn: 'HTTP/web1' });
const taken = (account: string) => ({ account, spn: 'HTTP/web1' });
const policy = (enforcement: string): JsonObject => ({
  forest,
  name: forest,
  policy: { ...defaultPolicy, enforcement } as unknown as JsonObject,
});

describe('inconsistencies of a log', () => {
  it('are none in a clean one', () => {
    expect(
      inconsistencies(
        log([a, 'AccountCreated', created('a')], [a, 'SpnRegistered', spn('a')], [name, 'NameTaken', taken('a')]),
      ),
    ).toEqual([]);
  });

  it.each([
    ['a name that no account says it holds', log([name, 'NameTaken', taken('a')])],
    ['an SPN that its name does not know', log([a, 'AccountCreated', created('a')], [a, 'SpnRegistered', spn('a')])],
    [
      'a deleted account whose name was not released',
      log(
        [a, 'AccountCreated', created('a')],
        [a, 'SpnRegistered', spn('a')],
        [name, 'NameTaken', taken('a')],
        [a, 'AccountDeleted', { forest, account: 'a' }],
      ),
    ],
    [
      'key versions that fall',
      log([a, 'PasswordChanged', { account: 'a', kvno: 2 }], [a, 'PasswordChanged', { account: 'a', kvno: 2 }]),
    ],
    ['time that falls', log([a, 'AccountEnabled', { account: 'a' }, 2], [a, 'AccountDisabled', { account: 'a' }, 1])],
    [
      'a second holder while the forest enforces',
      log(
        ['forest-x', 'ForestCreated', policy('enforce')],
        [a, 'AccountCreated', created('a')],
        [b, 'AccountCreated', created('b')],
        [a, 'SpnRegistered', spn('a')],
        [b, 'SpnRegistered', spn('b')],
        [name, 'NameTaken', taken('a')],
        [name, 'NameTaken', taken('b')],
      ),
    ],
  ])('are told of %s', (_, events) => {
    expect(inconsistencies(events)).toHaveLength(1);
  });
});
