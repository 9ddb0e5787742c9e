/** Events as the log would give them, for specs: ids, versions and positions follow from the order they are made in. */
import type { RecordedEvent, SourceRef } from '#event-store';
import type { ExchangeEvent } from '#authentication';
import { evidenceRow, toEvidence, type Evidence } from './evidence.js';

const FOREST = 'observed:corp.example';

export type Told = {
  readonly type: ExchangeEvent['type'];
  /** Second and fraction after 10:53, as the recording's README writes instants. */
  readonly at: string;
  readonly data: Record<string, unknown>;
  readonly source?: string;
};

/** `number` tells two told events apart and stands for the record number too. */
export function recorded({ type, at, data, source = 'samba/corp.example' }: Told, number: number): RecordedEvent {
  const ref: SourceRef = { id: source, kind: 'samba', record: number, item: 0 };
  return {
    id: `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`,
    stream: `source-${source}`,
    version: number,
    position: number,
    type,
    schemaVersion: 1,
    occurredAt: `2026-11-22T10:53:${at}Z`,
    recordedAt: '2026-11-23T00:00:00.000000Z',
    data: { forest: FOREST, ...data } as RecordedEvent['data'],
    metadata: { origin: 'observed', source: ref },
  };
}

export function evidence(told: readonly Told[]): Evidence[] {
  return told.map((one, index) => toEvidence(evidenceRow(recorded(one, index + 1))!));
}

export function ticket(at: string, client: string, spn: string, etype: number, more: object = {}): Told {
  const data = { clientName: `${client}@CORP.EXAMPLE`, spn, etype, address: '10.50.0.21:49086', ...more };
  return { type: 'ServiceTicketIssued', at, data };
}

export function refusal(at: string, client: string, spn: string, port: number, more: object = {}): Told {
  const code = 'KDC_ERR_S_PRINCIPAL_UNKNOWN';
  const address = `10.50.0.21:${port}`;
  return {
    type: 'ServiceTicketRefused',
    at,
    data: { clientName: `${client}@CORP.EXAMPLE`, spn, code, reason: 'Service principal unknown', address, ...more },
  };
}

export function rejection(at: string, etype = 23): Told {
  const reason = 'Failed to find DC1$@CORP.EXAMPLE(kvno 2) in keytab (arcfour-hmac-md5)';
  return {
    type: 'ClientRejected',
    at,
    data: { acceptor: 'DC1$@CORP.EXAMPLE', kvno: 2, etype, code: 'KEYTAB_ENTRY_NOT_FOUND', reason },
  };
}

export function status(at: string, source?: string): Told {
  const data = { mechanism: 'gssapi_krb5', status: 'NT_STATUS_LOGON_FAILURE' };
  return { type: 'AcceptorStatusLogged', at, data, ...(source ? { source } : {}) };
}

export function refusedLogon(at: string, client: string, port: number): Told {
  const address = `10.50.0.22:${port}`;
  const data = { clientName: `${client}@CORP.EXAMPLE`, service: 'krbtgt/CORP.EXAMPLE', address };
  return {
    type: 'TgtRefused',
    at,
    data: { ...data, code: 'KDC_ERR_PREAUTH_FAILED', reason: 'Preauthentication failed' },
  };
}

export function loggedLogon(at: string, client: string, port: number, status = 'NT_STATUS_WRONG_PASSWORD'): Told {
  const data = { clientName: `${client}@CORP.EXAMPLE`, service: 'Kerberos KDC', address: `10.50.0.22:${port}` };
  return { type: 'AuthenticationLogged', at, data: { ...data, description: 'ENC-TS Pre-authentication', status } };
}
