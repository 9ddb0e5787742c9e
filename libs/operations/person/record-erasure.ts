/** The record of erasures. Who erases is the server (apps/server/erasure): keys and read models are not the log's. */
import { randomUUID } from 'node:crypto';
import { recordCommand, type CommandRequest, type LogPorts } from '#directory';
import { streamName, type EventStore } from '#event-store';
import { operationsOf } from '../operation-log.js';
import { operationEvents, type OperationEvent } from '../operation.events.js';
import { erasePerson, finishErasure, foldErasures, type Erasure } from './person.decider.js';

const PERSONS_STREAM = streamName('operation', 'persons');

/** What was asked for: a retry under the same request id asks the same, whatever is left to be found by then. */
export type ErasureAsked = {
  readonly request: CommandRequest;
  readonly names: readonly string[];
  readonly forest: string | null;
  readonly reason: string;
};

/** `find` is asked once the request is known to be a new one. Throws what it throws, and OPS_ERASURE_INVALID. */
export async function recordErasure(
  ports: LogPorts,
  asked: ErasureAsked,
  find: () => Promise<{ readonly subjects: readonly string[]; readonly names: readonly string[] }>,
): Promise<{ readonly erasure: string; readonly position: number }> {
  const { replied } = await recordCommand<OperationEvent, { erasure: string }>(
    ports,
    operationEvents,
    asked,
    async () => {
      const erasure = randomUUID();
      const { subjects, names } = await find();
      const events = erasePerson(erasure, subjects, { names, reason: asked.reason });
      return { writes: [{ stream: PERSONS_STREAM, events, expected: 'any' }], reply: { erasure } };
    },
  );
  return replied;
}

/** Answers with the position after which everything of this erasure is done. */
export async function recordErasureFinished(ports: LogPorts, actor: string, erasure: string): Promise<number> {
  const request = { requestId: randomUUID(), caller: { actor, administers: 'none' } } as const;
  const { replied } = await recordCommand<OperationEvent, Record<string, never>>(
    ports,
    operationEvents,
    { request },
    async (load) => {
      const events = finishErasure(foldErasures(await operationsOf(load, PERSONS_STREAM)), erasure);
      return { writes: [{ stream: PERSONS_STREAM, events }], reply: {} };
    },
  );
  return replied.position;
}

export async function readErasures(store: EventStore): Promise<readonly Erasure[]> {
  return foldErasures(await operationsOf((stream) => store.readStream(stream), PERSONS_STREAM));
}
