/**
 * An event of the log as a CloudEvent 1.0 in Kafka's binary content mode (Kafka Protocol Binding 1.0.2 §3.2): attributes are
 * `ce_*` headers, the value is the event's data as it stands in the log, personal fields sealed. What CloudEvents has no
 * word for travels in headers of our own; with them the event can be put together again exactly. Pure.
 */
import { type LogRecord, type WrittenEvent, writtenEvent } from '#event-store';
import type { IncomingMessage, OutgoingMessage } from '#kafka';
import { eventSchemaId } from './event-schema.js';

/** The chain that a reader of one partition follows: the position before this one in the same partition; 0: none. */
export type Place = { readonly partition: number; readonly epoch: number; readonly previous: number };

/** What stands in the log, as it stands there. */
export type StoredEvent = WrittenEvent & { readonly position: number };

export function storedEvent({ position, body }: LogRecord): StoredEvent {
  return { position, ...writtenEvent(body) };
}

const TRACEPARENT = /"traceparent":"([^"]*)"/;

/** `source` names the log (a URI reference): equal (source, id) mean the same event. */
export function cloudEvent(source: string, event: StoredEvent, place: Place): OutgoingMessage {
  const { stream, type, schemaVersion, metadata } = event;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: source,
    ce_type: type,
    ce_subject: stream,
    ce_time: event.occurredAt,
    ce_dataschema: eventSchemaId(type, schemaVersion),
    position: String(event.position),
    previous: String(place.previous),
    epoch: String(place.epoch),
    version: String(event.version),
    schemaversion: String(schemaVersion),
    recordedat: event.recordedAt,
    metadata,
  };
  const traceparent = TRACEPARENT.exec(metadata)?.[1];
  if (traceparent !== undefined) headers['traceparent'] = traceparent;
  return { partition: place.partition, key: stream, value: event.data, headers };
}

/** A message as it came, with the record of the log that it was made from: its body not to the byte, but equal as JSON; empty if not wanted. */
export type RelayedRecord = LogRecord & { readonly offset: bigint; readonly epoch: number; readonly previous: number };

/** The message is not one of the relay's, or was damaged. */
export class MessageInvalid extends Error {
  readonly code = 'RELAY_MESSAGE_INVALID';
  constructor({ partition, offset }: IncomingMessage, reason: string) {
    super(`the message at offset ${offset} of partition ${partition} is not an event of the log: ${reason}`);
  }
}

/** The body only of types that are wanted: what nobody reads is not even parsed. Throws MessageInvalid. */
export function relayedRecord(
  message: IncomingMessage,
  isWanted: (type: string) => boolean = () => true,
): RelayedRecord {
  const { headers, value, offset, key } = message;
  const invalid = (reason: string): never => {
    throw new MessageInvalid(message, reason);
  };
  const text = (name: string): string => headers[name] ?? invalid(`it has no header ${name}`);
  const number = (name: string): number => {
    const given = Number(text(name));
    return Number.isSafeInteger(given) && given >= 0 ? given : invalid(`its header ${name} is not a number`);
  };
  /** As it came, if it is JSON. */
  const json = (name: string, given: string): string => {
    try {
      JSON.parse(given);
      return given;
    } catch {
      return invalid(`${name} is not JSON`);
    }
  };
  const quoted = (name: string): string => JSON.stringify(text(name));
  if (key !== text('ce_subject')) invalid('its key is not its stream');
  const body = (): string => {
    const data = json('its value', value?.toString() ?? '');
    const metadata = json('its header metadata', text('metadata'));
    return (
      `{"data":${data},"id":${quoted('ce_id')},"metadata":${metadata},"occurredAt":${quoted('ce_time')},` +
      `"recordedAt":${quoted('recordedat')},"schemaVersion":${number('schemaversion')},"stream":${JSON.stringify(key)},` +
      `"type":${quoted('ce_type')},"version":${number('version')}}`
    );
  };
  return {
    position: number('position'),
    body: isWanted(text('ce_type')) ? body() : '',
    offset,
    epoch: number('epoch'),
    previous: number('previous'),
  };
}
