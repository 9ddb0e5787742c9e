/** That a read model was built anew, and what it then held: the digest lets two rebuilds of one log be compared. */
import { randomUUID } from 'node:crypto';
import { recordCommand, type DecidedEvent, type LogPorts } from '#directory';
import { streamName, type EventsOf } from '#event-store';
import { operationEvents } from '../operation.events.js';

export type Rebuild = Extract<EventsOf<typeof operationEvents>, { type: 'ProjectionRebuilt' }>['data'];

/** Answers with the event's position. */
export async function recordRebuild(ports: LogPorts, actor: string, rebuild: Rebuild): Promise<number> {
  const request = { requestId: randomUUID(), caller: { actor, administers: 'none' } } as const;
  const stream = streamName('operation', `projection/${rebuild.projection}`);
  const events = [{ type: 'ProjectionRebuilt', data: rebuild }];
  const { replied } = await recordCommand<DecidedEvent, Record<string, never>>(
    ports,
    operationEvents,
    { request },
    async () => ({
      writes: [{ stream, events, expected: 'any' }],
      reply: {},
    }),
  );
  return replied.position;
}
