/** That a read model was built anew, and what it then held: the digest lets two rebuilds of one log be compared. */
import { randomUUID } from 'node:crypto';
import { recordCommand, type DecidedEvent, type LogPorts } from '#directory';
import { streamName, type EventsOf } from '#event-store';
import { operationEvents } from '../operation.events.js';
import type { rebuildEvents } from './rebuild.events.js';

type RebuildEvent = EventsOf<typeof rebuildEvents>;
export type Rebuild = Extract<RebuildEvent, { type: 'ProjectionRebuilt' }>['data'];
export type Attestation = Extract<RebuildEvent, { type: 'ProjectionAttested' }>['data'];

/** Answers with the event's position. */
export function recordRebuild(ports: LogPorts, actor: string, data: Rebuild): Promise<number> {
  return record(ports, actor, { type: 'ProjectionRebuilt', data });
}

/** Of a rebuild whose events were all found in the signed tree. Answers with the event's position. */
export function recordAttestation(ports: LogPorts, actor: string, data: Attestation): Promise<number> {
  return record(ports, actor, { type: 'ProjectionAttested', data });
}

async function record(ports: LogPorts, actor: string, event: RebuildEvent): Promise<number> {
  const request = { requestId: randomUUID(), caller: { actor, administers: 'none' } } as const;
  const stream = streamName('operation', `projection/${event.data.projection}`);
  const { replied } = await recordCommand<DecidedEvent, Record<string, never>>(
    ports,
    operationEvents,
    { request },
    async () => ({
      writes: [{ stream, events: [event], expected: 'any' }],
      reply: {},
    }),
  );
  return replied.position;
}
