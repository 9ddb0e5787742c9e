import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRecordings } from './recordings.js';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kerbtrail-recordings-'));
  mkdirSync(at('dumps', 'old'), { recursive: true });
  writeFileSync(at('log.samba'), 'twelve bytes');
  writeFileSync(at('dumps', 'b.ldif'), '');
  writeFileSync(at('dumps', 'a.ldif'), '');
  writeFileSync(at('dumps', '.hidden'), '');
  writeFileSync(at('dumps', 'old', 'a.ldif'), '');
  writeFileSync(at('dumps', 'observed-at.json'), JSON.stringify({ 'a.ldif': '2026-11-22T10:53:20.804Z' }));
  mkdirSync(at('bad'));
  writeFileSync(at('bad', 'a.ldif'), '');
  writeFileSync(at('bad', 'observed-at.json'), '["a.ldif"]');
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the files of an import', () => {
  it('are those named, with their size', () => {
    expect(findRecordings([at('log.samba')])).toEqual([
      { path: at('log.samba'), name: 'log.samba', bytes: 12, observedAt: undefined },
    ]);
  });

  it('are everything below a folder, in order of name, hidden files and observed-at.json aside', () => {
    const paths = findRecordings([folder.replace(/$/, '/dumps')]).map(({ path }) => path);
    expect(paths).toEqual([at('dumps', 'a.ldif'), at('dumps', 'b.ldif'), at('dumps', 'old', 'a.ldif')]);
  });

  it('are each there once', () => {
    expect(findRecordings([at('dumps', 'a.ldif'), at('dumps')])).toHaveLength(3);
  });

  it('have the instant that observed-at.json beside them says, else the one given', () => {
    const instants = findRecordings([at('dumps')], '2026-01-01T00:00:00Z').map(({ observedAt }) => observedAt);
    expect(instants).toEqual(['2026-11-22T10:53:20.804Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z']);
  });

  it('that are not there are named, with exit code 3', () => {
    expect(() => findRecordings([at('nothing')])).toThrow(
      expect.objectContaining({ exitCode: 3, message: expect.stringContaining('nothing') }),
    );
  });

  it('with an observed-at.json of another shape are not guessed at', () => {
    expect(() => findRecordings([at('bad')])).toThrow(expect.objectContaining({ code: 'OBSERVED_AT_UNREADABLE' }));
  });
});
