/** What the program itself records of the evidence log: its first checkpoint key, and a witness that began anew. */
import { randomUUID } from 'node:crypto';
import { recordCommand, type LogPorts } from '#directory';
import type { EventStore } from '#event-store';
import { EVIDENCE_STREAM, operationsOf } from '../operation-log.js';
import { operationEvents, type OperationEvent } from '../operation.events.js';
import { type CheckpointKeyState, establishCheckpointKey, foldEvidence } from './evidence.decider.js';
import type { CheckpointSeeds } from './evidence.handlers.js';

const PROGRAM = { actor: 'kerbtrail', administers: 'all' } as const;

/**
 * The origin that the log's checkpoints name: `origin` if this is its first start, or what was established then. Of
 * processes that start together all get the same.
 */
export async function establishCheckpointOrigin(
  ports: LogPorts & { readonly seeds: CheckpointSeeds },
  origin: string,
): Promise<string> {
  const before = await readEvidence(ports.store);
  if (before.origin !== null) return before.origin;
  const verifierKey = await ports.seeds.establish(origin, 1);
  const request = { requestId: randomUUID(), caller: PROGRAM };
  await recordCommand(ports, operationEvents, { request }, async (load, now) => {
    const state = foldEvidence(await operationsOf(load, EVIDENCE_STREAM));
    const events = establishCheckpointKey(state, { key: 1, verifierKey, origin, now });
    return { writes: [{ stream: EVIDENCE_STREAM, events }], reply: {} };
  });
  return (await readEvidence(ports.store)).origin!;
}

/** Every checkpoint key that the log ever had, the oldest first. */
export async function checkpointKeys(store: EventStore): Promise<readonly CheckpointKeyState[]> {
  return (await readEvidence(store)).keys;
}

export async function recordWitness(
  ports: LogPorts,
  data: Extract<OperationEvent, { type: 'WitnessEstablished' }>['data'],
): Promise<void> {
  const request = { requestId: randomUUID(), caller: PROGRAM };
  await recordCommand(ports, operationEvents, { request }, async () => ({
    writes: [{ stream: EVIDENCE_STREAM, events: [{ type: 'WitnessEstablished', data }], expected: 'any' }],
    reply: {},
  }));
}

async function readEvidence(store: EventStore) {
  return foldEvidence(await operationsOf((stream) => store.readStream(stream), EVIDENCE_STREAM));
}
