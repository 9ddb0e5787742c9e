/** Whatever is written in whatever order: an enforced forest holds no name twice, and names mirror accounts. */
import { describe, expect, it } from '@jest/globals';
import { array, assert, constantFrom, property, record, subarray } from 'fast-check';
import type { RecordedEvent } from '#event-store';
import { foldAccount } from '../account/account-state.js';
import type { AccountEvent } from '../account/account.events.js';
import { inconsistencies } from '../consistency.spec-support.js';
import { administrator, FOREST, forestOf } from '../facts.spec-support.js';
import type { ForestEvent } from '../forest/forest.events.js';
import { foldName, spnHoldings } from '../name/name.decider.js';
import type { NameEvent } from '../name/name.events.js';
import { spnStream } from '../name/name-streams.js';
import { spnNameWrites } from '../name/name-writes.js';
import { resolveSpn } from '../name/name.decider.js';
import { decideSpnWrite, planSpnWrite, type SpnOperation } from './spn-write.decider.js';

type AnyEvent = ForestEvent | AccountEvent | NameEvent;

const accounts = ['a', 'b', 'c'];
const spns = ['HTTP/h', 'http/H', 'host/h', 'cifs/h', 'HTTP/ħ', 'HTTP/i', 'HTTP/h:80', 'not an SPN'];
const write = record({
  account: constantFrom(...accounts),
  operation: constantFrom<SpnOperation>('add', 'delete', 'replace'),
  spns: subarray(spns, { minLength: 1 }),
});

/** A log in memory, as far as deciders need one. */
class Log {
  readonly events: RecordedEvent[] = [];

  of<Event>(stream: string): Event[] {
    return this.events.filter((event) => event.stream === stream) as unknown as Event[];
  }

  append(stream: string, events: readonly AnyEvent[]): void {
    for (const { type, data } of events) {
      const position = this.events.length + 1;
      const at = '2026-11-22T10:00:00Z';
      const given = {
        id: String(position),
        version: this.of(stream).length + 1,
        position,
        occurredAt: at,
        recordedAt: at,
      };
      this.events.push({ ...given, stream, type, data, schemaVersion: 1, metadata: { origin: 'decided' } });
    }
  }
}

function start(): Log {
  const log = new Log();
  const { name, policy } = forest;
  log.append(`forest-${FOREST}`, [{ type: 'ForestCreated', data: { forest: FOREST, name, policy } }]);
  for (const account of accounts) {
    const data = {
      forest: FOREST,
      account,
      domain: FOREST,
      kind: 'user',
      samAccountName: account,
      enabled: true,
    } as const;
    log.append(`account-${account}`, [{ type: 'AccountCreated', data }]);
  }
  return log;
}

const forest = forestOf({ ruleProfile: 'samba' });
const holdingsOf = (log: Log, spn: string) => foldName(log.of<NameEvent>(spnStream(FOREST, spn)));

function apply(log: Log, asked: { account: string; operation: SpnOperation; spns: readonly string[] }): void {
  const account = foldAccount(log.of<AccountEvent>(`account-${asked.account}`))!;
  const plan = planSpnWrite(asked.operation, account, asked.spns);
  const parsing = plan.add.filter((spn) => spn.includes('/'));
  const rivals = new Map(parsing.map((spn) => [spn, { holdings: spnHoldings(holdingsOf(log, spn)), upnAccounts: [] }]));
  const decision = decideSpnWrite({ caller: administrator, forest, account, rivals }, plan);
  log.append(`account-${asked.account}`, decision.events);
  if (decision.outcome === 'refused') return;
  for (const { stream, events } of spnNameWrites(
    account,
    decision.removed,
    decision.registered.map(({ spn }) => spn),
  ))
    log.append(stream, events);
}

describe('any sequence of SPN writes', () => {
  it('leaves a consistent log, in which the KDC finds one holder or none for every name', () => {
    assert(
      property(array(write, { maxLength: 30 }), (writes) => {
        const log = start();
        for (const asked of writes) apply(log, asked);
        expect(inconsistencies(log.events)).toEqual([]);
        for (const spn of spns.filter((text) => text.includes('/')))
          expect(resolveSpn(holdingsOf(log, spn), forest.policy.aliases, spn).outcome).not.toBe('ambiguous');
      }),
    );
  });
});
