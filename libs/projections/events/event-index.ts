/**
 * What an event of the log can be found by: its stream, type and actor, and whatever in its data names an account, an SPN or
 * a code. Kept for every event, of every catalogue; the event itself is read from the log.
 */
import { instantToNanos, type Json, type RecordedEvent } from '#event-store';
import { storable } from '../bulk-rows.js';
import { nameKey } from '../name-key.js';
import { indexed, spnIndexKeys } from '../spn-directory/spn-index-keys.js';

/** Row of table `event_index`. */
export type EventIndexRow = {
  readonly event_id: string;
  readonly position: number;
  readonly stream: string;
  readonly type: string;
  readonly occurred_at: bigint;
  readonly origin: string;
  readonly forest: string | null;
  readonly actor: string | null;
  readonly code: string | null;
  readonly names: readonly string[];
  readonly spn_keys: readonly string[];
};

/** Fields of event data, at any depth, that name an account: by id, distinguished name, principal, account name or SID. */
const NAME_FIELDS = new Set([
  'account',
  'client',
  'clientName',
  'acceptor',
  'service',
  'holder',
  'samAccountName',
  'userPrincipalName',
  'sid',
]);
const SPN_FIELDS = new Set(['spn', 'spns', 'registeredSpn', 'holderSpn']);
/** A service that a logon was for is no account. */
const LOGON_TYPES = new Set(['TgtIssued', 'TgtRefused', 'PreAuthenticationRequired', 'AuthenticationLogged']);
const ACTOR_ACCOUNT = /^account:/;

export function eventIndexRow(event: RecordedEvent): EventIndexRow {
  const { data, metadata, type } = event;
  const { actor, origin } = metadata;
  const names = textsIn(data, (field) => NAME_FIELDS.has(field) && !(field === 'service' && LOGON_TYPES.has(type)));
  const who = actor === undefined ? [] : [actor.replace(ACTOR_ACCOUNT, '')];
  return {
    event_id: event.id,
    position: event.position,
    stream: event.stream,
    type,
    occurred_at: instantToNanos(event.occurredAt),
    origin,
    forest: text(data['forest']),
    actor: actor === undefined ? null : indexed(storable(actor)),
    code: text(data['code']) ?? text(data['status']),
    names: distinct([...names, ...who].map(nameKey)),
    spn_keys: distinct(textsIn(data, (field) => SPN_FIELDS.has(field)).map((spn) => spnIndexKeys(spn).lookupKey)),
  };
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? indexed(storable(value)) : null;
}

/** Texts in the fields that `wanted` takes, in objects and lists of any depth. */
function textsIn(value: Json | undefined, wanted: (field: string) => boolean, field = ''): string[] {
  if (typeof value === 'string') return wanted(field) ? [storable(value)] : [];
  if (Array.isArray(value)) return value.flatMap((entry: Json) => textsIn(entry, wanted, field));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, entry]) => textsIn(entry, wanted, name));
}

function distinct(keys: readonly string[]): string[] {
  return [...new Set(keys)].toSorted();
}
