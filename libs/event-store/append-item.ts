/**
 * What a caller asks to append, checked and encoded as far as the log's state is not needed. Everything that could make
 * PostgreSQL refuse an item is refused here, in the caller's own call, so that an item cannot spoil a group.
 */
import type { EventDefinition } from './catalogue.js';
import type { Json, NewEvent } from './event.js';
import { BODY_BYTES_MAX, draftEvent, type EventDraft } from './event-body.js';
import { EventRejected } from './event-store.error.js';
import type { AppendItem, ExpectedVersion, Guard, StreamWrite } from './event-store.js';

/** A group takes at least one item, so no item is larger than a group. */
export const GROUP_ITEMS_MAX = 1_000;
export const GROUP_BYTES_MAX = 1024 * 1024;

const VERSION_MAX = 2_147_483_647;
const STREAM_BYTES_MAX = 1_024;
const REPLY_BYTES_MAX = BODY_BYTES_MAX;
const ITEM_BYTES = 128;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const STREAM = /^[a-z]+-[^\p{Cc}\p{Cs}]+$/u;
/** Most are; and this is cheaper to see. */
const ASCII_STREAM = /^[a-z]+-[ -~]+$/;
const TYPE = /^[A-Za-z][A-Za-z0-9]{0,127}$/;

export type PreparedItem = {
  readonly id: string;
  readonly digest: Uint8Array;
  readonly writes: readonly PreparedWrite[];
  readonly guards: readonly Guard[];
  readonly reply: Json;
  /** What the receipt keeps; null for no reply. */
  readonly replyText: string | null;
  readonly bytes: number;
};

export type PreparedWrite = {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly EventDraft[];
};

export type Preparation = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  readonly newId: () => string;
};

/** Throws EventRejected. */
export function prepareItem(item: AppendItem, preparation: Preparation): PreparedItem {
  try {
    return prepare(item, preparation);
  } catch (cause) {
    throw new EventRejected(item.id, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function prepare(item: AppendItem, preparation: Preparation): PreparedItem {
  const id = item.id.toLowerCase();
  if (!UUID.test(id)) throw new RangeError('its id is not a UUID');
  if (item.digest.length !== 32) throw new RangeError(`its digest has ${item.digest.length} bytes, not 32`);
  const guards = item.guards ?? [];
  for (const { stream, version } of guards) checkStream(stream, version);
  checkNoneTwice(guards);
  checkNoneTwice(item.writes);
  const writes = item.writes.map((write) => prepareWrite(write, preparation));

  const { reply = null } = item;
  const replyText = reply === null ? null : JSON.stringify(reply);
  const replyBytes = replyText === null ? 0 : Buffer.byteLength(replyText);
  if (replyBytes > REPLY_BYTES_MAX)
    throw new RangeError(`its reply has ${replyBytes} bytes, more than ${REPLY_BYTES_MAX}`);

  const bytes = writes.reduce(
    (sum, { events }) => sum + events.reduce((all, event) => all + event.bytes, 0),
    ITEM_BYTES + replyBytes,
  );
  if (bytes > GROUP_BYTES_MAX) throw new RangeError(`it has ${bytes} bytes, more than ${GROUP_BYTES_MAX}: split it`);
  return { id, digest: item.digest, writes, guards, reply, replyText, bytes };
}

function prepareWrite({ stream, expected, events }: StreamWrite, preparation: Preparation): PreparedWrite {
  checkStream(stream, expected === 'any' ? 0 : expected);
  if (events.length === 0) throw new RangeError(`it writes no event to ${stream}: use a guard`);
  return { stream, expected, events: events.map((event) => prepareEvent(stream, event, preparation)) };
}

function prepareEvent(stream: string, event: NewEvent, { definitions, newId }: Preparation): EventDraft {
  const { type, schemaVersion } = event;
  if (!TYPE.test(type)) throw new RangeError(`"${type}" is not an event type`);
  const current = definitions.get(type)?.schemaVersion ?? schemaVersion;
  if (schemaVersion !== current || !Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 32_767) {
    throw new RangeError(`${type} is written at schema version ${schemaVersion}; its catalogue has ${current}`);
  }
  const id = event.id?.toLowerCase() ?? newId();
  if (event.id !== undefined && !UUID.test(id)) throw new RangeError(`the id of ${type} is not a UUID`);
  const draft = draftEvent(stream, id, event);
  if (draft.bytes > BODY_BYTES_MAX) {
    throw new RangeError(
      `${type} has ${draft.bytes} bytes, more than ${BODY_BYTES_MAX}: split the list that makes it long`,
    );
  }
  return draft;
}

function checkStream(stream: string, version: number): void {
  const isAscii = ASCII_STREAM.test(stream);
  if (!isAscii && !STREAM.test(stream)) throw new RangeError(`"${stream}" is not a stream name (category-id)`);
  if ((isAscii ? stream.length : Buffer.byteLength(stream)) > STREAM_BYTES_MAX)
    throw new RangeError(`a stream name has more than ${STREAM_BYTES_MAX} bytes`);
  if (!Number.isInteger(version) || version < 0 || version > VERSION_MAX)
    throw new RangeError(`${version} is not a version`);
}

function checkNoneTwice(parts: readonly { readonly stream: string }[]): void {
  if (parts.length > 1 && new Set(parts.map(({ stream }) => stream)).size < parts.length)
    throw new RangeError('it names a stream twice: once as a write and once as a guard is the most');
}
