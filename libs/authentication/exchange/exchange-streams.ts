/**
 * Where exchanges stand and how they are found again: ids, streams, and the loading of what an earlier exchange came to.
 * All through `transact`'s `load`, so that whatever a decision rests on is guarded.
 */
import { instantToNanos, newEventId, observedEventId, streamName, type Load, type Random } from '#event-store';
import { nonceDigest, proofMatches } from '#kerberos';
import { AuthenticationRefusal } from '../authentication-refusal.error.js';
import { foldLogon, type Logon } from './logon.decider.js';
import { foldPresentation, type Presentation } from './presentation.decider.js';
import { foldTicketRequest, type IssuedTicket } from './ticket-request.decider.js';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HANDLE = /^([0-9a-f-]{36})\.([0-9a-f]{32})$/;
const HANDLE_BYTES = 16;

export function exchangeStream(id: string): string {
  return streamName('exchange', id);
}

/** UUIDv7. */
export function newExchangeId(now: string, random: Random): string {
  return newEventId(Number(instantToNanos(now) / 1_000_000n), random(10));
}

/**
 * The id of the one presentation that a challenge may have. It follows from the ticket, so that a second presentation finds
 * the first: the nonce is known to both parties and on the way between them after one, and proves nothing in another.
 */
export function presentationIdOf({ ticket, expiresAt }: IssuedTicket): string {
  return observedEventId(expiresAt, Buffer.from(ticket, 'hex'));
}

/**
 * The logon handle: what a client shows instead of proving itself again, the analogue of its TGT. It names its logon, and
 * holds 128 random bits of which the log keeps the digest alone.
 */
export function createHandle(logon: string, random: Random): { readonly handle: string; readonly digest: string } {
  const secret = random(HANDLE_BYTES);
  return { handle: `${logon}.${secret.toString('hex')}`, digest: nonceDigest(secret) };
}

/** Throws AUTH_LOGON_UNKNOWN, the same whether the logon or its secret is wrong. Expired logons are found too. */
export async function loadLogon(load: Load, handle: string): Promise<Logon> {
  const [, id = '', secret = ''] = HANDLE.exec(handle) ?? [];
  const logon = ID.test(id) ? foldLogon(await load(exchangeStream(id))) : null;
  if (logon?.handleDigest && proofMatches(Buffer.from(secret, 'hex'), logon.handleDigest)) return logon;
  throw new AuthenticationRefusal('AUTH_LOGON_UNKNOWN', 'this handle belongs to no logon: log on (again) to get one');
}

/** Throws AUTH_REQUEST_UNKNOWN. */
export async function loadIssuedTicket(load: Load, request: string): Promise<IssuedTicket> {
  const issued = ID.test(request) ? foldTicketRequest(await load(exchangeStream(request))) : null;
  if (issued) return issued;
  throw new AuthenticationRefusal(
    'AUTH_REQUEST_UNKNOWN',
    `no ticket was issued for a request "${request.slice(0, 40)}"`,
  );
}

/** A presentation and the ticket it rests on. Throws AUTH_PRESENTATION_UNKNOWN. */
export async function loadPresentation(
  load: Load,
  presentation: string,
): Promise<{ readonly state: Presentation; readonly issued: IssuedTicket }> {
  const state = ID.test(presentation) ? foldPresentation(await load(exchangeStream(presentation))) : null;
  if (state) return { state, issued: await loadIssuedTicket(load, state.request) };
  throw new AuthenticationRefusal(
    'AUTH_PRESENTATION_UNKNOWN',
    `there is no presentation "${presentation.slice(0, 40)}"`,
  );
}
