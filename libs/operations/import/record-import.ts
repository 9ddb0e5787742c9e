/**
 * What the reader of an import records about it beside the observations themselves. Each call is one request of its
 * own, answered with its position; `ports.nameKey` keys its digest.
 */
import { randomUUID } from 'node:crypto';
import { recordCommand, type DecidedEvent, type LogPorts } from '#directory';
import type { Load } from '#event-store';
import { importStream, operationsOf, sourceStream } from '../operation-log.js';
import { operationEvents, type OperationEvent } from '../operation.events.js';
import {
  bindSource,
  finishImport,
  foldImport,
  foldSource,
  startImport,
  type ImportEnd,
  type ImportStart,
  type SourceBinding,
} from './import.decider.js';

/** Throws OperationRefusal OPS_SOURCE_BOUND when the source speaks about another forest. */
export function recordSourceBinding(ports: LogPorts, actor: string, wanted: SourceBinding): Promise<number> {
  const stream = sourceStream(wanted.source);
  return record(ports, actor, stream, async (load) => bindSource(foldSource(await operationsOf(load, stream)), wanted));
}

export function recordImportStart(ports: LogPorts, actor: string, start: ImportStart): Promise<number> {
  const stream = importStream(start.import);
  return record(ports, actor, stream, async (load) => startImport(foldImport(await operationsOf(load, stream)), start));
}

export function recordImportEnd(ports: LogPorts, actor: string, end: ImportEnd): Promise<number> {
  const stream = importStream(end.import);
  return record(ports, actor, stream, async (load) => finishImport(foldImport(await operationsOf(load, stream)), end));
}

async function record(
  ports: LogPorts,
  actor: string,
  stream: string,
  decide: (load: Load) => Promise<OperationEvent[]>,
): Promise<number> {
  const request = { requestId: randomUUID(), caller: { actor, administers: 'none' } } as const;
  const { replied } = await recordCommand<DecidedEvent, Record<string, never>>(
    ports,
    operationEvents,
    { request },
    async (load) => ({ writes: [{ stream, events: await decide(load) }], reply: {} }),
  );
  return replied.position;
}
