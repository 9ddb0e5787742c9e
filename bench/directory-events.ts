/**
 * Synthetic events of one observed forest: accounts with ten SPNs each by an audited list; a day later as many SPNs that somebody
 * else holds already, exactly, by alias and by an invisible character, half of them taken away again the day after.
 */
import { observedEventId, type RecordedEvent } from '#event-store';
import { createHash } from 'node:crypto';

export const ACCOUNTS = 100_000;
const SPNS_PER_ACCOUNT = 10;
export const SPNS = ACCOUNTS * SPNS_PER_ACCOUNT;
/** That stand now; as many more stood for a day. */
export const DUPLICATES = 1_000;

const CLASSES = ['HTTP', 'host', 'ldap', 'MSSQLSvc', 'TERMSRV'];
const FOREST = 'observed:corp.example';
const SOURCE = 'samba/corp.example';
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

/** A day and a half after the beginning, when twice as many duplicates stood as now. */
export const THEN = new Date(START_MS + 1.5 * DAY_MS).toISOString();

export function accountOf(index: number): string {
  return `CN=svc-${index},OU=Services,DC=corp,DC=example`;
}

/** The SPN of an account, by their numbers. */
export function spnOf(account: number, spn: number): string {
  return `${CLASSES[spn % CLASSES.length]}/app${account}-${spn}.corp.example`;
}

/** At least 4,000 accounts. */
export function* directoryEvents(pageSize: number, accounts = ACCOUNTS): Generator<RecordedEvent[]> {
  let page: RecordedEvent[] = [];
  let position = 0;
  for (const [type, afterMs, data] of facts(accounts)) {
    position += 1;
    page.push(recorded(position, type, new Date(START_MS + afterMs).toISOString(), data));
    if (page.length === pageSize) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

type Fact = readonly [type: string, afterMs: number, data: RecordedEvent['data']];

function* facts(accounts: number): Generator<Fact> {
  for (let index = 0; index < accounts; index++) {
    const ref = { forest: FOREST, domain: 'corp.example', account: accountOf(index) };
    yield ['AccountCreated', index, { ...ref, kind: 'user', samAccountName: `svc-${index}`, enabled: true }];
    yield [
      'SpnsReplaced',
      index,
      { ...ref, spns: Array.from({ length: SPNS_PER_ACCOUNT }, (_, spn) => spnOf(index, spn)) },
    ];
  }
  for (let index = 0; index < 2 * DUPLICATES; index++)
    yield ['SpnRegistered', DAY_MS + index, duplicate(index, accounts)];
  for (let index = DUPLICATES; index < 2 * DUPLICATES; index++)
    yield ['SpnRemoved', 2 * DAY_MS + index, duplicate(index, accounts)];
}

/** Of ten: six exact, two by alias, two by an invisible character; of an account that the generator made. */
function duplicate(index: number, accounts: number): RecordedEvent['data'] {
  const ref = { forest: FOREST, domain: 'corp.example', account: accountOf(index + accounts / 2) };
  const kind = index % 10;
  if (kind < 6) return { ...ref, spn: spnOf(index, 0) };
  if (kind < 8) return { ...ref, spn: spnOf(index, 1).replace('host/', 'cifs/') };
  return { ...ref, spn: `${spnOf(index, 0)}\u200c` };
}

function recorded(position: number, type: string, occurredAt: string, data: RecordedEvent['data']): RecordedEvent {
  const identity = createHash('sha256').update(`${position}`).digest();
  return {
    id: observedEventId(occurredAt, identity),
    stream: `source-${SOURCE}`,
    version: position,
    position,
    type,
    schemaVersion: 1,
    occurredAt,
    recordedAt: '2026-11-22T00:00:00.000000Z',
    data,
    metadata: { origin: 'observed', source: { id: SOURCE, kind: 'samba', record: position } },
  };
}
