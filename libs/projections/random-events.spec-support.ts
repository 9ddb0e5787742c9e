/** Logs made by chance: directories and authentications of few names in little time, so that everything meets everything. */
import * as fc from 'fast-check';
import type { JsonObject, RecordedEvent } from '#event-store';

const FORESTS = ['observed:corp.example', '01a20448-0000-7000-8000-000000000001'];
const ACCOUNTS = ['CN=a,DC=corp', 'CN=b,DC=corp', 'CN=c\\,\t"d",DC=corp'];
const SPNS = [
  'HTTP/web.corp',
  'http/WEB.corp',
  'host/web.corp',
  'HTTP/web\u200c.corp',
  'cifs/web.corp',
  'no spn \\ at all',
];
const CLIENTS = ['alice@CORP.EXAMPLE', 'bob@CORP.EXAMPLE'];
const POLICIES = ['http', 'cifs'].map((alias) => ({ aliases: [{ target: 'host', aliases: [alias] }] }));

type Fact = readonly [type: string, data: JsonObject];

const account = {
  forest: fc.constantFrom(...FORESTS),
  account: fc.constantFrom(...ACCOUNTS),
  domain: fc.constant('corp'),
};
const spns = fc.uniqueArray(fc.constantFrom(...SPNS), { maxLength: 4 });
const fact = (type: string, data: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fact> =>
  fc.record(data, { noNullPrototype: true }).map((made) => [type, made as JsonObject] as const);

const directoryFact = fc.oneof(
  fact('AccountCreated', {
    ...account,
    samAccountName: fc.constantFrom('a$', 'b'),
    kind: fc.constant('user'),
    enabled: fc.boolean(),
  }),
  fact('AccountRenamed', {
    ...account,
    samAccountName: fc.constantFrom('a$', 'b\tc'),
    sid: fc.constantFrom('S-1-5', null),
  }),
  fact('PasswordChanged', { ...account, kvno: fc.integer({ min: 1, max: 3 }) }),
  fact('AccountDeleted', account),
  fact('SpnRegistered', { ...account, spn: fc.constantFrom(...SPNS) }),
  fact('SpnRemoved', { ...account, spn: fc.constantFrom(...SPNS) }),
  fact('SpnsReplaced', { ...account, spns }),
  fact('AccountListed', { ...account, spns }),
  fact('PolicyChanged', {
    forest: fc.constantFrom(...FORESTS),
    policy: fc.constantFrom(...POLICIES),
  }),
);

const client = {
  forest: fc.constant(FORESTS[0]!),
  clientName: fc.constantFrom(...CLIENTS),
  address: fc.constantFrom('10.0.0.1:1', '10.0.0.1:2'),
};
const spn = { spn: fc.constantFrom(...SPNS) };
const ids = { request: fc.constantFrom('r1', 'r2') };
/** A ticket is got by one request, and presented over and over. */
const PRESENTED = [
  { request: 'r1', presentation: 'p1' },
  { request: 'r1', presentation: 'p2' },
  { request: 'r2', presentation: 'p3' },
];
const presented = (type: string, data: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fact> =>
  fc
    .tuple(fact(type, { forest: client.forest, ...data }), fc.constantFrom(...PRESENTED))
    .map(([[, told], shown]) => [type, { ...told, ...shown }] as const);
const refused = {
  code: fc.constantFrom('KDC_ERR_S_PRINCIPAL_UNKNOWN', 'UNKNOWN-7'),
  reason: fc.constant('no\nreason'),
};

const exchangeFact = fc.oneof(
  fact('ServiceTicketIssued', { ...client, ...spn, etype: fc.constantFrom(18, 23) }),
  fact('ServiceTicketRefused', { ...client, ...spn, ...refused }),
  fact('ClientRejected', {
    forest: client.forest,
    acceptor: fc.constant('DC1$'),
    etype: fc.constantFrom(18, 23),
    ...refused,
  }),
  fact('AcceptorStatusLogged', {
    forest: client.forest,
    mechanism: fc.constant('krb5'),
    status: fc.constant('NT_STATUS_LOGON_FAILURE'),
  }),
  fact('TgtRefused', { ...client, service: fc.constant('krbtgt/CORP'), ...refused }),
  fact('AuthenticationLogged', {
    ...client,
    service: fc.constant('KDC'),
    description: fc.constant('x'),
    status: fc.constantFrom('NT_STATUS_OK', 'NT_STATUS_WRONG_PASSWORD'),
  }),
  fact('ServiceTicketRequested', { ...client, ...spn, ...ids }),
  fact('SpnNotFound', { forest: client.forest, ...spn, ...ids }),
  presented('TicketPresented', { acceptor: fc.constant('DC1$') }),
  presented('ClientVerified', { acceptor: fc.constant('DC1$'), clientName: client.clientName }),
  presented('ServiceVerified', { verifier: fc.constantFrom('client', 'kdc') }),
);

/** `seconds`: the time in which all of them occurred. */
function log(facts: fc.Arbitrary<Fact>, maxLength: number, seconds: number): fc.Arbitrary<RecordedEvent[]> {
  const ms = fc.integer({ min: 0, max: seconds * 1_000 });
  const told = fc.tuple(facts, ms, fc.constantFrom('samba/a', 'ldif/b'));
  return fc.array(told, { minLength: 1, maxLength, size: 'max' }).map((all) =>
    all.map(([[type, data], at, source], index) => ({
      id: `00000000-0000-8000-8000-${String(index + 1).padStart(12, '0')}`,
      stream: `source-${source}`,
      version: index + 1,
      position: index + 1,
      type,
      schemaVersion: 1,
      occurredAt: new Date(Date.UTC(2026, 10, 22) + at).toISOString(),
      recordedAt: '2026-11-23T00:00:00.000000Z',
      data,
      metadata: { origin: 'observed', source: { id: source, kind: 'test', record: index + 1, item: 0 } },
    })),
  );
}

export const directoryLog = log(directoryFact, 60, 8);
export const exchangeLog = log(exchangeFact, 120, 20);
