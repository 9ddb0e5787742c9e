/** The log as the operations' handlers write it, and the names of their streams. */
import { Inject, Injectable } from '@nestjs/common';
import {
  NAME_KEY,
  recordCommand,
  type CommandDecision,
  type CommandRequest,
  type NameKey,
  type Recorded,
} from '#directory';
import { CLOCK, EVENT_STORE, streamName, type Clock, type EventStore, type JsonObject, type Load } from '#event-store';
import { OperationRefusal } from './operation-refusal.error.js';
import { operationEvents, type OperationEvent } from './operation.events.js';

@Injectable()
export class OperationLog {
  constructor(
    @Inject(EVENT_STORE) readonly store: EventStore,
    @Inject(NAME_KEY) readonly nameKey: NameKey,
    @Inject(CLOCK) readonly clock: Clock,
  ) {}

  /** Throws what `decide` throws (OperationRefusal) and what `transact` throws. */
  record<Reply extends JsonObject>(
    command: { readonly request: CommandRequest },
    decide: (load: Load, now: string) => Promise<CommandDecision<OperationEvent, Reply>>,
  ): Promise<Recorded<Reply>> {
    return recordCommand(this, operationEvents, command, decide);
  }
}

export function tokenStream(token: string): string {
  return streamName('operation', `token/${token}`);
}

export function importStream(id: string): string {
  return streamName('operation', `import/${id}`);
}

export function sourceStream(source: string): string {
  return streamName('operation', `source/${source}`);
}

export const KEYS_STREAM = streamName('operation', 'keys');

export const EVIDENCE_STREAM = streamName('operation', 'evidence');

/** An `operation` stream holds events of its catalogue only, in current shapes: the store upcasts on reading. */
export async function operationsOf(load: Load, stream: string): Promise<readonly OperationEvent[]> {
  return (await load(stream)) as readonly unknown[] as readonly OperationEvent[];
}

/** An answer that carried a secret was not kept, so a retry cannot get it. */
export function givenOnce({ requestId }: CommandRequest, advice: string): OperationRefusal {
  return new OperationRefusal(
    'OPS_ANSWER_GIVEN_ONCE',
    `request ${requestId} was answered before; the answer held a secret and was not kept: ${advice}`,
  );
}
