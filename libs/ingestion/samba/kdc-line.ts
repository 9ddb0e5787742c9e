/**
 * What a Samba domain controller logs as text: its KDC's audit line, one per request; what its own services said when they
 * refused a ticket; and the directory's collision report.
 *
 *   Kerberos: (AS|TGS)-REQ <result> <address> <client> <service>[ key=value]…
 *   GSS server Update(krb5)(1) Update failed: … Failed to find <acceptor>(kvno <n>) in keytab <name> (<etype>)
 *   gensec_spnego_server_negTokenInit_step: <mechanism>: … : NT_STATUS_<status>
 *   check_spn_alias_collision: trying to add SPN '<spn>' on '<dn>' when '<spn>' is on '<dn>'
 */
import { encryptionType, errorByName } from '#kerberos';
import { dnsDomainOf } from '../distinguished-name.js';
import type { Fact, Mapped } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';

/** Names, addresses and texts of a line stay below this; longer ones are damage, and no event could hold them. */
const LINE_CHARACTERS_MAX = 16_384;
const NAME = String.raw`(?:\\.|[^\s\\])+`;
const KDC_RESULT = /^Kerberos: (AS|TGS)-REQ ([A-Z][A-Z0-9_]*(?:-\d+)?)(?: |$)/;
const KDC_LINE = new RegExp(String.raw`^Kerberos: (?:AS|TGS)-REQ \S+ (\S+) (${NAME}) (${NAME})(?: (.*))?$`);
const KEY_VALUE = /^(#?[A-Za-z][\w-]*)=(.*)$/s;
const ACCEPTOR = /^GSS server Update\([^)]*\)\(\d+\) Update failed: +(.*)$/;
const KEY_NOT_FOUND = /Failed to find (\S+)\(kvno (\d{1,9})\) in keytab (?:.*) \(([\w-]+)\)$/;
const ACCEPTOR_STATUS = /^gensec_spnego_server_negTokenInit_step: ([\w.-]+): .*: (NT_STATUS_\w+)$/;
const COLLISION = "check_spn_alias_collision: trying to add SPN '";
const OURS =
  /^(?:Kerberos: (?:AS|TGS)-REQ [A-Z][A-Z0-9_]*(?:-\d+)?(?: |$)|GSS server Update\(|gensec_spnego_server_|check_spn_alias_collision: )/;

/** Whether a message is of a kind that is read here; cheap, since most messages are not. */
export function isKdcLine(text: string): boolean {
  return OURS.test(text);
}

/** Undefined: the line says nothing in our vocabulary. Throws UnreadableRecord when it should but cannot be read. */
export function readKdcLine(text: string, occurredAt: string): Mapped | undefined {
  if (text.length > LINE_CHARACTERS_MAX) throw new UnreadableRecord(`the message has ${text.length} characters`);
  return readRequest(text, occurredAt) ?? readAcceptor(text, occurredAt) ?? readCollision(text, occurredAt);
}

function readRequest(text: string, occurredAt: string): Mapped | undefined {
  const [, exchange, result] = KDC_RESULT.exec(text) ?? [];
  if (!exchange || !result) return undefined;
  const match = KDC_LINE.exec(text);
  if (!match) throw new UnreadableRecord(`the ${exchange}-REQ line does not name address, client and service`);
  const [, address = '', clientName = '', serviceName = '', rest = ''] = match;
  const service = splitRealm(serviceName);
  const request = { clientName, service: service.name, address: endpoint(address), fields: keyValues(rest) };
  const domain = service.realm?.toLowerCase();
  if (result !== 'SUCCESS') return { facts: [{ ...refused(exchange, result, request), occurredAt }] };
  const fact = exchange === 'AS' ? tgtIssued(request, domain) : ticketIssued(request);
  return { facts: [{ ...fact, occurredAt }], ...(domain && { domain }) };
}

type KdcRequest = {
  readonly clientName: string;
  readonly service: string;
  readonly address: string;
  readonly fields: ReadonlyMap<string, string>;
};

type Undated<F> = F extends unknown ? Omit<F, 'occurredAt'> : never;

function tgtIssued({ clientName, service, address, fields }: KdcRequest, domain: string | undefined): Undated<Fact> {
  const { reply, ticket } = etypes(fields);
  return {
    type: 'TgtIssued',
    data: {
      ...(domain && { domain }),
      clientName,
      service,
      address,
      preAuthentication: fields.get('pa'),
      replyEtype: reply,
      etype: ticket,
      expiresAt: unixInstant(fields.get('end')),
    },
  };
}

function ticketIssued({ clientName, service, address, fields }: KdcRequest): Undated<Fact> {
  const { ticket } = etypes(fields);
  const flags = fields.get('flags')?.split(',');
  const expiresAt = unixInstant(fields.get('end'));
  return { type: 'ServiceTicketIssued', data: { clientName, spn: service, address, etype: ticket, flags, expiresAt } };
}

function refused(
  exchange: string,
  result: string,
  { clientName, service, address, fields }: KdcRequest,
): Undated<Fact> {
  const code = errorByName(result)?.name ?? result;
  if (exchange === 'AS' && code === 'KDC_ERR_PREAUTH_REQUIRED') {
    return { type: 'PreAuthenticationRequired', data: { clientName, service, address } };
  }
  const reason = fields.get('reason') ?? fields.get('e-text')?.replaceAll('\\s', ' ') ?? '';
  return exchange === 'AS'
    ? { type: 'TgtRefused', data: { clientName, service, address, code, reason } }
    : { type: 'ServiceTicketRefused', data: { clientName, spn: service, address, code, reason } };
}

function readAcceptor(text: string, occurredAt: string): Mapped | undefined {
  const [, mechanism, status] = ACCEPTOR_STATUS.exec(text) ?? [];
  if (mechanism && status)
    return { facts: [{ type: 'AcceptorStatusLogged', occurredAt, data: { mechanism, status } }] };
  const reason = ACCEPTOR.exec(text)?.[1];
  if (reason === undefined) return undefined;
  const [, acceptor, kvno, etypeName] = KEY_NOT_FOUND.exec(reason) ?? [];
  // What the acceptor says of itself; no KRB-ERROR was on the wire, so none is named here.
  if (!acceptor || !etypeName)
    return { facts: [{ type: 'ClientRejected', occurredAt, data: { code: 'ACCEPT_FAILED', reason } }] };
  const etype = encryptionType(etypeName)?.number;
  const data = { code: 'KEYTAB_ENTRY_NOT_FOUND', reason, acceptor, kvno: Number(kvno), etype };
  return { facts: [{ type: 'ClientRejected', occurredAt, data }] };
}

/** Cut at its literal words: an SPN or a name that holds them makes the line ambiguous. */
function readCollision(text: string, occurredAt: string): Mapped | undefined {
  if (!text.startsWith(COLLISION)) return undefined;
  const halves = text.slice(COLLISION.length, -1).split("' when '");
  const [spn, account, ...more] = halves[0]?.split("' on '") ?? [];
  const [holderSpn, holder, ...evenMore] = halves[1]?.split("' is on '") ?? [];
  const isExact = halves.length === 2 && more.length === 0 && evenMore.length === 0 && text.endsWith("'");
  const domain = account && dnsDomainOf(account);
  if (!isExact || !spn || !domain || !holderSpn || !holder) {
    throw new UnreadableRecord('the collision line does not name two SPNs and two directory objects');
  }
  return {
    facts: [{ type: 'SpnCollisionReported', occurredAt, data: { domain, account, spn, holder, holderSpn } }],
    domain,
  };
}

/** `class/host:port@REALM` as the KDC printed it: the realm goes, and a backslash takes the next character as it is. */
function splitRealm(printed: string): { name: string; realm?: string } {
  const unescape = (text: string): string => text.replace(/\\(.)/g, '$1');
  const at = printed.search(/(?<!\\)@[^@\\]*$/);
  return at < 0 ? { name: unescape(printed) } : { name: unescape(printed.slice(0, at)), realm: printed.slice(at + 1) };
}

/** `ipv4:10.50.0.21:34774` becomes `10.50.0.21:34774`, `ipv6:fd00::1:88` becomes `[fd00::1]:88`; a mapped IPv4 is one. */
export function endpoint(address: string): string {
  const [, host, port] = /^ipv6:\[?(.+?)\]?:(\d+)$/i.exec(address) ?? [];
  if (!host || !port) return address.replace(/^ipv4:/i, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  return `${mapped ?? `[${host}]`}:${port}`;
}

/** Values have no spaces, but for the last one: `reason` is free text to the end of the line. */
function keyValues(rest: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const words = rest.split(' ');
  for (const [index, word] of words.entries()) {
    const [, key, value] = KEY_VALUE.exec(word) ?? [];
    if (key === 'reason') return fields.set(key, words.slice(index).join(' ').slice('reason='.length));
    if (key !== undefined && value !== undefined) fields.set(key, value);
  }
  return fields;
}

/** `etype=A/B`: A encrypts the reply to the client, B the ticket. */
function etypes(fields: ReadonlyMap<string, string>): { reply?: number; ticket?: number } {
  const [, reply, ticket] = /^(-?\d{1,5})\/(-?\d{1,5})$/.exec(fields.get('etype') ?? '') ?? [];
  return reply && ticket ? { reply: Number(reply), ticket: Number(ticket) } : {};
}

function unixInstant(seconds: string | undefined): string | undefined {
  if (!seconds || !/^\d{1,11}$/.test(seconds)) return undefined;
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}
