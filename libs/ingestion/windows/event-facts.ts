/**
 * What events of a domain controller's Security log say in our vocabulary:
 *
 *   4768  a TGT was asked for     TgtIssued, TgtRefused
 *   4771  pre-authentication failed     TgtRefused
 *   4769  a service ticket was asked for, and no account holds its name     ServiceTicketRefused
 *   5136  a value of servicePrincipalName was added or deleted     SpnRegistered, SpnRemoved
 *
 * A granted service ticket (4769) names the account that it is for and not the SPN that was asked for, so it is no
 * ServiceTicketIssued of ours; 4742 names the computer by a name that is not the directory's. Both say nothing here.
 */
import { errorByNumber } from '#kerberos';
import { dnsDomainOf } from '../distinguished-name.js';
import type { Fact, Mapped } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { endpoint } from '../samba/kdc-line.js';
import type { WindowsEvent } from './windows-event.js';

const SECURITY = 'Microsoft-Windows-Security-Auditing';
const SERVICE_UNKNOWN = 7;
const VALUE_ADDED = '%%14674';
const VALUE_DELETED = '%%14675';

const READERS: Readonly<Record<number, (event: WindowsEvent) => Mapped | undefined>> = {
  4768: readTgtRequest,
  4769: readTicketRequest,
  4771: readPreAuthenticationFailure,
  5136: readValueWritten,
};

/** Undefined: it says nothing in our vocabulary. Throws UnreadableRecord. */
export function readWindowsFacts(event: WindowsEvent): Mapped | undefined {
  if (event.provider !== SECURITY || !Object.hasOwn(READERS, event.id)) return undefined;
  return READERS[event.id]!(event);
}

function readTgtRequest(event: WindowsEvent): Mapped {
  const status = statusOf(event);
  const about = { clientName: clientName(event), service: needed(event, 'ServiceName'), ...addressOf(event) };
  const domain = domainOf(event);
  if (status !== 0) return byController(event, { type: 'TgtRefused', data: { ...about, ...refusal(status) } });
  const preAuthentication = given(event, 'PreAuthType');
  const etype = number(given(event, 'TicketEncryptionType'));
  const data = { ...about, ...(domain && { domain }), ...(preAuthentication && { preAuthentication }), etype };
  return byController(event, { type: 'TgtIssued', data });
}

function readPreAuthenticationFailure(event: WindowsEvent): Mapped {
  const about = { clientName: clientName(event), service: needed(event, 'ServiceName'), ...addressOf(event) };
  return byController(event, { type: 'TgtRefused', data: { ...about, ...refusal(statusOf(event)) } });
}

function readTicketRequest(event: WindowsEvent): Mapped | undefined {
  const status = statusOf(event);
  if (status !== SERVICE_UNKNOWN) return undefined;
  const about = { clientName: clientName(event), spn: needed(event, 'ServiceName'), ...addressOf(event) };
  return byController(event, { type: 'ServiceTicketRefused', data: { ...about, ...refusal(status) } });
}

function readValueWritten(event: WindowsEvent): Mapped | undefined {
  if (given(event, 'AttributeLDAPDisplayName')?.toLowerCase() !== 'serviceprincipalname') return undefined;
  const account = needed(event, 'ObjectDN');
  const domain = dnsDomainOf(account);
  if (!domain) throw new UnreadableRecord('the name of the object (ObjectDN) ends in no domain');
  const operation = given(event, 'OperationType');
  if (operation !== VALUE_ADDED && operation !== VALUE_DELETED)
    throw new UnreadableRecord('the value was neither added nor deleted (OperationType)');
  const actor = given(event, 'SubjectUserSid');
  const correlationId = given(event, 'OpCorrelationID');
  const type = operation === VALUE_ADDED ? 'SpnRegistered' : 'SpnRemoved';
  const stamped = { occurredAt: event.time, ...(actor && { actor }), ...(correlationId && { correlationId }) };
  return { facts: [{ type, data: { account, domain, spn: needed(event, 'AttributeValue') }, ...stamped }], domain };
}

type Undated<F> = F extends unknown ? Omit<F, 'occurredAt'> : never;

function byController(event: WindowsEvent, fact: Undated<Fact>): Mapped {
  const domain = domainOf(event);
  return { facts: [{ ...fact, occurredAt: event.time }], ...(domain && { domain }) };
}

/** These events are a domain controller's, whose name ends in its domain's. */
function domainOf({ computer }: WindowsEvent): string | undefined {
  const dot = computer.indexOf('.');
  return dot < 0 ? undefined : computer.slice(dot + 1).toLowerCase();
}

/** `alice@CORP`: 4769 logs the realm with the name, the others beside it; 4771 does not log it. */
function clientName(event: WindowsEvent): string {
  const name = needed(event, 'TargetUserName');
  const realm = given(event, 'TargetDomainName');
  return name.includes('@') || realm === undefined ? name : `${name}@${realm}`;
}

function addressOf(event: WindowsEvent): { address?: string } {
  const ip = given(event, 'IpAddress');
  if (ip === undefined) return {};
  const port = given(event, 'IpPort') ?? '0';
  return { address: ip.includes(':') ? endpoint(`ipv6:${ip}:${port}`) : `${ip}:${port}` };
}

function statusOf(event: WindowsEvent): number {
  const status = number(given(event, 'Status'));
  if (status === undefined) throw new UnreadableRecord('the event has no result (Status)');
  return status;
}

function refusal(status: number): { code: string; reason: string } {
  return { code: errorByNumber(status)?.name ?? `KRB_ERROR_${status}`, reason: '' };
}

/** `0x12`. Undefined for 0xffffffff, which stands where there is none. */
function number(hex: string | undefined): number | undefined {
  if (hex === undefined || !/^0x[0-9a-f]{1,8}$/i.test(hex)) return undefined;
  const value = Number.parseInt(hex.slice(2), 16);
  return value === 0xffffffff ? undefined : value;
}

function given({ data }: WindowsEvent, name: string): string | undefined {
  const value = data.get(name)?.trim();
  return value === '' || value === '-' ? undefined : value;
}

function needed(event: WindowsEvent, name: string): string {
  const value = given(event, name);
  if (value === undefined) throw new UnreadableRecord(`event ${event.id} has no ${name}`);
  return value;
}
