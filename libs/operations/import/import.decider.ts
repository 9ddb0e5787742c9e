/** One import, and the binding of a source of observations to the forest it speaks about. Pure. */
import { OperationRefusal } from '../operation-refusal.error.js';
import type { OperationEvent } from '../operation.events.js';

type DataOf<Type extends OperationEvent['type']> = Extract<OperationEvent, { type: Type }>['data'];

export type SourceBinding = DataOf<'SourceBound'>;
export type ImportStart = DataOf<'ImportStarted'>;
export type ImportEnd = DataOf<'ImportFinished'>;

export type ImportState = { readonly started: ImportStart; readonly finished: ImportEnd | null };

export function foldSource(events: readonly OperationEvent[]): SourceBinding | null {
  return events.reduce<SourceBinding | null>((bound, { type, data }) => (type === 'SourceBound' ? data : bound), null);
}

/** Fixed once: no event when it is bound so already, OPS_SOURCE_BOUND when it is bound otherwise. */
export function bindSource(bound: SourceBinding | null, wanted: SourceBinding): OperationEvent[] {
  if (!bound) return [{ type: 'SourceBound', data: wanted }];
  if (bound.forest === wanted.forest && bound.kind === wanted.kind) return [];
  throw new OperationRefusal(
    'OPS_SOURCE_BOUND',
    `source ${bound.source} is ${bound.kind} of forest ${bound.forest}, not ${wanted.kind} of ${wanted.forest}: name another source for it`,
  );
}

export function foldImport(events: readonly OperationEvent[]): ImportState | null {
  return events.reduce<ImportState | null>((state, { type, data }) => {
    if (type === 'ImportStarted') return { started: data, finished: null };
    if (type === 'ImportFinished') return state && { ...state, finished: data };
    return state;
  }, null);
}

export function startImport(state: ImportState | null, start: ImportStart): OperationEvent[] {
  if (state) throw new OperationRefusal('OPS_IMPORT_STATE', `import ${start.import} was started before`);
  return [{ type: 'ImportStarted', data: start }];
}

export function finishImport(state: ImportState | null, end: ImportEnd): OperationEvent[] {
  if (!state || state.finished) {
    throw new OperationRefusal(
      'OPS_IMPORT_STATE',
      `import ${end.import} ${state ? 'was finished before' : 'was never started'}`,
    );
  }
  return [{ type: 'ImportFinished', data: end }];
}
