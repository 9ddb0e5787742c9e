/** What an honest reader may say about the recorded domain, figure by figure (samples/lab-samba-ad/README.md). */
import { describe, expect, it } from '@jest/globals';
import { createReadStream, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { MappedItem } from './map-file.js';
import { collect, eventsOf, itemsOf, tally, type Event, type EventOf } from './mapped.spec-support.js';
import { readAuditLine } from './samba/audit-json.js';

type Truth = { t: number; kind: string; rc?: number; account: string; client: string; service: string; tag: string };

const folder = 'samples/lab-samba-ad';
const dumps = [
  'directory-t0.ldif',
  'directory-t1-duplicates.ldif',
  'directory-t2-misplaced.ldif',
  'directory-t3-repaired.ldif',
];
const observedAt = JSON.parse(readFileSync(`${folder}/observed-at.json`, 'utf8')) as Record<string, string>;
const truth = readFileSync(`${folder}/truth.jsonl`, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Truth);

async function read(name: string): Promise<MappedItem[]> {
  const at = observedAt[name];
  return collect(createReadStream(`${folder}/${name}`), { name, ...(at && { observedAt: at }) });
}

const log = await read('log.samba.gz');
const events = eventsOf(log);
const all = <Type extends Event['type']>(type: Type): EventOf<Type>[] =>
  events.filter((event): event is EventOf<Type> => event.type === type);

describe('the log of the domain controller', () => {
  it('has 5,819 lines in 2,839 records, none of them for quarantine', () => {
    expect(itemsOf(log, 'finished')[0]).toMatchObject({ lines: 5_819, records: 2_839, unmapped: 2_593, bytes: 43_632 });
    expect(itemsOf(log, 'finished')[0]).not.toHaveProperty('unfinished');
    expect(itemsOf(log, 'quarantined')).toEqual([]);
  });

  it('has 138 JSON lines: 95 changes, 28 authentications, 15 password changes', () => {
    const lines = gunzipSync(readFileSync(`${folder}/log.samba.gz`))
      .toString()
      .split('\n');
    const json = lines.filter((line) => line.trimStart().startsWith('{'));
    expect(tally(json.map((line) => readAuditLine(line).type))).toEqual({
      dsdbChange: 95,
      Authentication: 28,
      passwordChange: 15,
    });
  });

  it('speaks of one observed forest, found in the content', () => {
    expect(itemsOf(log, 'source')).toEqual([
      { kind: 'source', source: 'samba/corp.example', sourceKind: 'samba', forest: 'observed:corp.example' },
    ]);
    expect(tally(events.map(({ data }) => data.forest))).toEqual({ 'observed:corp.example': events.length });
  });

  it('keeps microseconds and the place of each record, in order', () => {
    expect(events[0]).toMatchObject({
      type: 'PreAuthenticationRequired',
      occurredAt: '2026-11-22T10:52:50.502202Z',
      metadata: { origin: 'observed', source: { id: 'samba/corp.example', kind: 'samba', record: 48, item: 1 } },
    });
    const places = events.map(({ metadata }) => metadata.source?.record ?? 0);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('gives every event its own id', () => {
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });
});

describe('its tickets', () => {
  const tickets = all('ServiceTicketIssued');
  const forwarded = tickets.filter(({ data }) => data.spn === 'krbtgt/CORP.EXAMPLE');

  it('are 77: 53 forwarded TGTs and 24 for services', () => {
    expect(tickets).toHaveLength(77);
    expect(forwarded.every(({ data }) => data.flags?.includes('forwarded'))).toBe(true);
    expect(tally(forwarded.map(({ data }) => data.clientName))).toEqual({
      'Administrator@CORP.EXAMPLE': 50,
      'alice@CORP.EXAMPLE': 1,
      'bob@CORP.EXAMPLE': 1,
      'carol@CORP.EXAMPLE': 1,
    });
    expect(tally(tickets.map(({ data }) => data.spn))).toEqual({
      'krbtgt/CORP.EXAMPLE': 53,
      'HTTP/web1.corp.example': 5,
      'MSSQLSvc/sql1.corp.example:1433': 4,
      'cifs/files.corp.example': 4,
      'app/app1.corp.example:8443': 3,
      'ldap/dc1.corp.example': 2,
      'cifs/dc1.corp.example': 2,
      'HTTP/legacy.corp.example': 1,
      'rep/rpt1.corp.example': 1,
      'mon/mon1.corp.example': 1,
      'HTTP/web1': 1,
    });
  });

  it('carry the etype of the ticket, not of the reply', () => {
    const files = tickets.filter(({ data }) => data.spn === 'cifs/files.corp.example');
    expect(files.map(({ occurredAt, data }) => [data.clientName, occurredAt, data.etype])).toEqual([
      ['alice@CORP.EXAMPLE', '2026-11-22T10:53:23.576979Z', 18],
      ['alice@CORP.EXAMPLE', '2026-11-22T10:53:35.571125Z', 23],
      ['carol@CORP.EXAMPLE', '2026-11-22T10:53:35.879582Z', 23],
      ['carol@CORP.EXAMPLE', '2026-11-22T10:53:38.090627Z', 18],
    ]);
  });

  it('were refused 8 times: 4 requests, each asked twice from a new port', () => {
    const refused = all('ServiceTicketRefused');
    expect(new Set(refused.map(({ data }) => `${data.code} ${data.reason}`))).toEqual(
      new Set(['KDC_ERR_S_PRINCIPAL_UNKNOWN Service principal unknown']),
    );
    expect(tally(refused.map(({ data }) => `${data.clientName} ${data.spn}`))).toEqual({
      'alice@CORP.EXAMPLE ldap/old-dc.corp.example': 2,
      'alice@CORP.EXAMPLE HTTP/nosuch.corp.example': 2,
      'carol@CORP.EXAMPLE HTTP/web1.corp.example': 2,
      'carol@CORP.EXAMPLE cifs/files.corp.example': 2,
    });
    expect(new Set(refused.map(({ data }) => data.address)).size).toBe(8);
    expect(
      refused
        .filter((_, index) => index % 2 === 0)
        .map(({ occurredAt }) => Number(occurredAt.slice(17, 26)).toFixed(3)),
    ).toEqual(['29.662', '29.846', '33.786', '34.698']);
  });

  it('were asked for as the one who asked knows it', () => {
    const asked = truth.filter(({ kind, rc }) => /^tgs-(ok|rc4-roast)$/.test(kind) && rc === 0);
    const seconds = (instant: string): number => Date.parse(instant) / 1000;
    const unseen = asked.filter(
      ({ t, client, service }) =>
        !tickets.some(({ occurredAt, data }) => {
          const after = seconds(occurredAt) - t;
          return data.spn === service && data.clientName === `${client}@CORP.EXAMPLE` && after > -0.01 && after < 0.5;
        }),
    );
    expect(asked).toHaveLength(18);
    expect(unseen).toEqual([]);
  });
});

describe('its logons', () => {
  it('are 12 TGTs, 16 refusals and 26 questions for pre-authentication; 28 twins of the first two', () => {
    expect(all('TgtIssued')).toHaveLength(12);
    expect(all('PreAuthenticationRequired')).toHaveLength(26);
    expect(tally(all('TgtRefused').map(({ data }) => data.code))).toEqual({
      KDC_ERR_PREAUTH_FAILED: 8,
      KDC_ERR_C_PRINCIPAL_UNKNOWN: 2,
      KDC_ERR_KEY_EXPIRED: 1,
      // The line does not name the error: the twin's status does.
      'UNKNOWN-0': 5,
    });
    expect(tally(all('AuthenticationLogged').map(({ data }) => data.status))).toEqual({
      NT_STATUS_OK: 12,
      NT_STATUS_WRONG_PASSWORD: 8,
      NT_STATUS_NO_SUCH_USER: 2,
      NT_STATUS_ACCOUNT_LOCKED_OUT: 2,
      NT_STATUS_ACCOUNT_DISABLED: 1,
      NT_STATUS_ACCOUNT_EXPIRED: 1,
      NT_STATUS_PASSWORD_MUST_CHANGE: 1,
      NT_STATUS_TIME_DIFFERENCE_AT_DC: 1,
    });
  });
});

describe('its registrations', () => {
  it('are 22 modifications of SPNs, 2 of them refused', () => {
    const accepted = events.filter(({ type }) => ['SpnRegistered', 'SpnRemoved', 'SpnsReplaced'].includes(type));
    const records = new Set(accepted.map(({ metadata }) => metadata.source?.record));
    expect(records.size).toBe(20);
    expect(tally(accepted.map(({ type }) => type))).toEqual({ SpnRegistered: 9, SpnRemoved: 1, SpnsReplaced: 11 });
    expect(all('SpnRegistrationRefused').map(({ occurredAt, data }) => ({ occurredAt, data }))).toEqual([
      {
        occurredAt: '2026-11-22T10:53:18.838904Z',
        data: expect.objectContaining({ spns: ['HOST/web1.corp.example'] }),
      },
      { occurredAt: '2026-11-22T10:53:19.355414Z', data: expect.objectContaining({ spns: ['HOST/WEB1'] }) },
    ]);
  });

  it('were refused by LDAP code 19, on WEB1$, without a word about the other holder', () => {
    for (const { data } of all('SpnRegistrationRefused')) {
      expect(data).toMatchObject({
        account: 'CN=WEB1,CN=Computers,DC=corp,DC=example',
        operation: 'add',
        status: 19,
        code: 'constraintViolation',
        holders: [],
      });
    }
  });

  it('came with 3 collision reports, of which one was then allowed', () => {
    expect(
      all('SpnCollisionReported').map(({ data }) => [data.spn, data.account.split(',')[0], data.holder.split(',')[0]]),
    ).toEqual([
      ['HOST/web1.corp.example', 'CN=WEB1', 'CN=svc-web'],
      ['HOST/WEB1', 'CN=WEB1', 'CN=svc-web'],
      ['HTTP/ws1.corp.example', 'CN=svc-old', 'CN=WS1'],
    ]);
    const [allowed] = all('SpnsReplaced').filter(({ occurredAt }) => occurredAt === '2026-11-22T10:53:32.933392Z');
    expect(allowed?.data).toMatchObject({
      account: expect.stringMatching('svc-old'),
      spns: ['HTTP/legacy.corp.example', 'HTTP/ws1.corp.example'],
    });
  });

  it('keep the delete and the add of one record in their order', () => {
    const rewritten = events.filter(({ occurredAt }) => occurredAt === '2026-11-22T10:53:32.932920Z');
    expect(
      rewritten.map(({ type, data, metadata }) => [type, 'spn' in data && data.spn, metadata.source?.item]),
    ).toEqual([
      ['SpnRemoved', 'host/ws1.corp.example', 1],
      ['SpnRegistered', 'host/ws1.corp.example', 2],
    ]);
  });

  it('list the SPNs of DC1$ for the first time at 10:53:19.885672', () => {
    const [first] = all('SpnsReplaced').filter(({ data }) => data.account.startsWith('CN=DC1,'));
    expect(first?.occurredAt).toBe('2026-11-22T10:53:19.885672Z');
    expect(first?.data.spns).toHaveLength(17);
  });

  it('name the transaction and the actor', () => {
    expect(all('SpnRegistered')[0]?.metadata).toMatchObject({
      actor: 'S-1-5-21-1313118367-3995603459-2134917614-500',
      correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('show nothing of what was written past the directory', () => {
    const onOld = events.filter(
      ({ data }) => JSON.stringify(data).includes('svc-old') && JSON.stringify(data).includes('HTTP/web1'),
    );
    expect(onOld).toEqual([]);
  });
});

describe('its accounts', () => {
  it('were made as the one who made them knows it', () => {
    const made = truth.filter(({ kind, rc }) => /^(user|computer|service)-create$/.test(kind) && rc === 0);
    expect(all('AccountCreated').map(({ data }) => data.samAccountName)).toEqual(made.map(({ account }) => account));
    expect(tally(all('AccountCreated').map(({ data }) => data.kind))).toEqual({ user: 15, computer: 3 });
  });

  it('had 15 passwords set, each told twice in the log and once here', () => {
    expect(all('PasswordChanged')).toHaveLength(15);
    expect(new Set(all('PasswordChanged').map(({ data }) => data.account)).size).toBe(15);
  });

  it('were disabled once: dave', () => {
    expect(all('AccountDisabled').map(({ data }) => data.account)).toEqual(['CN=dave,CN=Users,DC=corp,DC=example']);
  });
});

describe('its failed mutual authentications', () => {
  it('are 2, told by the acceptor, who names itself and nobody else', () => {
    const reason = expect.stringMatching(
      /^Miscellaneous failure \(see text\): Failed to find DC1\$@CORP\.EXAMPLE\(kvno 2\) in keytab/,
    );
    const data = {
      forest: 'observed:corp.example',
      code: 'KEYTAB_ENTRY_NOT_FOUND',
      reason,
      acceptor: 'DC1$@CORP.EXAMPLE',
      kvno: 2,
      etype: 23,
    };
    expect(all('ClientRejected').map((event) => [event.occurredAt, event.data])).toEqual([
      ['2026-11-22T10:53:35.577807Z', data],
      ['2026-11-22T10:53:35.884123Z', data],
    ]);
    expect(all('AcceptorStatusLogged').map(({ data: logged }) => [logged.mechanism, logged.status])).toEqual([
      ['gssapi_krb5', 'NT_STATUS_LOGON_FAILURE'],
      ['gssapi_krb5', 'NT_STATUS_LOGON_FAILURE'],
    ]);
  });
});

describe('the dumps', () => {
  it('list 22 accounts each, with 30, 32, 32 and 30 SPNs, and 3 referrals that say nothing', async () => {
    const read4 = await Promise.all(dumps.map(read));
    for (const items of read4) {
      expect(itemsOf(items, 'finished')[0]).toMatchObject({ records: 25, unmapped: 3 });
      expect(itemsOf(items, 'quarantined')).toEqual([]);
      expect(eventsOf(items).filter(({ type }) => type === 'AccountListed')).toHaveLength(22);
    }
    const last = read4.map((items) => eventsOf(items).at(-1));
    expect(last.map((event) => [event?.type, event?.data])).toEqual(
      [30, 32, 32, 30].map((spns) => [
        'DirectoryDumped',
        { forest: 'observed:corp.example', domain: 'corp.example', accounts: 22, spns },
      ]),
    );
  });

  it('are of the instants at which they were taken', () => {
    const taken = truth
      .filter(({ kind }) => kind === 'dump')
      .map(({ t }) => new Date(Math.round(t * 1000)).toISOString());
    expect(Object.values(observedAt)).toEqual(taken);
  });

  it('show the SPN that no audit record added, in t1 and t2 alone', async () => {
    const shown = await Promise.all(
      dumps.map(async (name) =>
        eventsOf(await read(name))
          .filter((event): event is EventOf<'AccountListed'> => event.type === 'AccountListed')
          .filter(({ data }) => data.spns.includes('HTTP/web1.corp.example'))
          .map(({ data, occurredAt }) => `${data.samAccountName} ${occurredAt === observedAt[name]}`),
      ),
    );
    expect(shown.map((holders) => holders.toSorted())).toEqual([
      ['svc-web true'],
      ['svc-old true', 'svc-web true'],
      ['svc-old true', 'svc-web true'],
      ['svc-web true'],
    ]);
  });
});

describe('what cannot be read yet', () => {
  it.each([
    ['capture.pcap.gz', /packet capture \(pcap\)/],
    ['truth.jsonl', /JSON lines that are not Samba audit lines/],
    ['observed-at.json', /JSON document/],
    ['README.md', /text of a kind not known/],
  ])('is left out: %s', async (name, looksLike) => {
    const [first, ...rest] = await read(name);
    expect(first).toMatchObject({ kind: 'leftOut', reason: expect.stringMatching(looksLike) });
    expect(rest.filter(({ kind }) => kind !== 'progress').map(({ kind }) => kind)).toEqual(['finished']);
  });

  it('is a dump whose instant nobody told; the message names the option', async () => {
    const items = await collect(createReadStream(`${folder}/directory-t0.ldif`), { name: 'directory-t0.ldif' });
    expect(items[0]).toMatchObject({ kind: 'leftOut', reason: expect.stringMatching(/--observed-at/) });
    expect(eventsOf(items)).toEqual([]);
  });
});
