/**
 * From a decision to the log: the request's keyed digest, the metadata and instants of its events, `transact`.
 * Handlers establish the facts, a decider decides, this records.
 */
import {
  transact,
  type Catalogue,
  type Clock,
  type DecidedWrite,
  type EventStore,
  type JsonObject,
  type Load,
} from '#event-store';
import type { CommandRequest } from './caller.js';
import type { NameKey } from './secret/name-key.js';

export type DecidedEvent = { readonly type: string; readonly data: JsonObject };

export type CommandWrite<Event extends DecidedEvent> = {
  readonly stream: string;
  readonly events: readonly Event[];
  readonly expected?: DecidedWrite['expected'];
};

export type CommandDecision<Event extends DecidedEvent, Reply extends JsonObject> = {
  readonly writes: readonly CommandWrite<Event>[];
  /** Kept with the receipt: never a secret. */
  readonly reply: Reply;
};

/** The position of the command's last event, for read-your-own-writes. */
export type Replied<Reply> = Reply & { readonly position: number };

export type Recorded<Reply> = {
  /** `duplicate`: this request was answered before, and this is that answer. */
  readonly status: 'committed' | 'duplicate';
  readonly replied: Replied<Reply>;
};

export type LogPorts = { readonly store: EventStore; readonly nameKey: NameKey; readonly clock: Clock };

/** A command's class name and its fields beside `request` are what two requests differ in. Throws what `decide` and `transact` throw. */
export async function recordCommand<Event extends DecidedEvent, Reply extends JsonObject>(
  { store, nameKey, clock }: LogPorts,
  catalogue: Catalogue,
  command: { readonly request: CommandRequest },
  decide: (load: Load, now: string) => Promise<CommandDecision<Event, Reply>>,
): Promise<Recorded<Reply>> {
  const { request } = command;
  const digest = requestDigestOf(command, nameKey);
  const committed = await transact<Reply>(store, { id: request.requestId, digest }, async (load) => {
    const now = clock.now();
    const { writes, reply } = await decide(load, now);
    return { writes: writes.map((write) => decidedWrite(write, catalogue, request, now)), reply };
  });
  const reply: Reply = committed.reply;
  return { status: committed.status, replied: { ...reply, position: committed.position } };
}

/** The actor belongs to the request; its scope and the trace may differ when it asks again. */
function requestDigestOf(command: { readonly request: CommandRequest }, nameKey: NameKey): Buffer {
  const { request, ...fields } = command;
  const { actor } = request.caller;
  return nameKey.requestDigest({ command: command.constructor.name, actor, ...(fields as JsonObject) });
}

function decidedWrite(
  { stream, events, expected }: CommandWrite<DecidedEvent>,
  catalogue: Catalogue,
  { caller, requestId, traceparent }: CommandRequest,
  occurredAt: string,
): DecidedWrite {
  const trace = traceparent === undefined ? {} : { traceparent };
  const metadata = { origin: 'decided', actor: caller.actor, correlationId: requestId, ...trace } as const;
  const recorded = events.map(({ type, data }) => {
    const definition = catalogue[type];
    if (!definition) throw new TypeError(`${type} is in no catalogue that this command writes`);
    return { type, schemaVersion: definition.schemaVersion, occurredAt, data, metadata };
  });
  return { stream, events: recorded, ...(expected !== undefined && { expected }) };
}
