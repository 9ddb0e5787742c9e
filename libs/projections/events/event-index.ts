/**
 * What an event of the log can be found by: its stream, type and actor, and whatever in its data names an account, an SPN or
 * a code. Kept for every event, of every catalogue; the event itself is read from the log.
 */
import { instantToNanos, type Json, type JsonObject, type RecordedEvent } from '#event-store';
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
const LOGON_NAME_FIELDS = new Set([...NAME_FIELDS].filter((field) => field !== 'service'));
const ACTOR_ACCOUNT = /^account:/;

type Found = { readonly nameFields: ReadonlySet<string>; readonly names: Set<string>; readonly spnKeys: Set<string> };

export function eventIndexRow(event: RecordedEvent): EventIndexRow {
  const { data, metadata, type } = event;
  const { actor, origin } = metadata;
  const nameFields = LOGON_TYPES.has(type) ? LOGON_NAME_FIELDS : NAME_FIELDS;
  const found: Found = { nameFields, names: new Set(), spnKeys: new Set() };
  collect(data, '', found);
  if (actor !== undefined) found.names.add(nameKey(actor.replace(ACTOR_ACCOUNT, '')));
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
    names: [...found.names].toSorted(),
    spn_keys: [...found.spnKeys].toSorted(),
  };
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? indexed(storable(value)) : null;
}

/** What of an event's data tells whom and which SPNs it is about, in objects and lists of any depth. */
function collect(value: Json | undefined, field: string, found: Found): void {
  if (typeof value === 'string') {
    if (found.nameFields.has(field)) found.names.add(nameKey(value));
    else if (SPN_FIELDS.has(field)) found.spnKeys.add(spnIndexKeys(storable(value)).lookupKey);
  } else if (Array.isArray(value)) {
    for (const entry of value) collect(entry as Json, field, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const name in value) collect((value as JsonObject)[name], name, found);
  }
}
