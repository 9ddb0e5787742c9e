/** Imports and sources as facts. */
import { describe, expect, it } from '@jest/globals';
import type { OperationEvent } from '../operation.events.js';
import { bindSource, finishImport, foldImport, foldSource, startImport } from './import.decider.js';

const binding = { source: 'samba/lab.example', kind: 'samba', forest: 'observed:lab.example' };
const started: OperationEvent = { type: 'ImportStarted', data: { import: 'i1', name: 'log.samba', kind: 'samba' } };
const end = {
  import: 'i1',
  bytes: 1,
  records: 1,
  appended: 1,
  duplicates: 0,
  unmapped: 0,
  quarantined: 0,
  sha256: 'ab',
};
const refusal = (code: string) => expect.objectContaining({ name: 'OperationRefusal', code });

describe('a source', () => {
  it('is bound to one forest, once', () => {
    const events = bindSource(null, binding);
    expect(events).toEqual([{ type: 'SourceBound', data: binding }]);
    expect(bindSource(foldSource(events), binding)).toEqual([]);
  });

  it('is never bound to another forest or taken for another kind', () => {
    expect(() => bindSource(binding, { ...binding, forest: 'observed:else.example' })).toThrow(
      refusal('OPS_SOURCE_BOUND'),
    );
    expect(() => bindSource(binding, { ...binding, kind: 'ldif' })).toThrow(refusal('OPS_SOURCE_BOUND'));
  });
});

describe('an import', () => {
  it('starts once and finishes once', () => {
    expect(startImport(null, started.data as never)).toEqual([started]);
    const finished = finishImport(foldImport([started]), end);
    expect(finished).toEqual([{ type: 'ImportFinished', data: end }]);
    const state = foldImport([started, ...finished]);
    expect(() => startImport(state, started.data as never)).toThrow(refusal('OPS_IMPORT_STATE'));
    expect(() => finishImport(state, end)).toThrow(refusal('OPS_IMPORT_STATE'));
    expect(() => finishImport(null, end)).toThrow(refusal('OPS_IMPORT_STATE'));
  });
});
