import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataFolder, FolderInUse } from './local-file.js';

let path: string;

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'kerbtrail-folder-')), 'deep', 'folder');
});
afterEach(() => rmSync(join(path, '../..'), { recursive: true, force: true }));

const lock = (): string => join(path, 'server.pid');

describe('a data folder', () => {
  it('is held by one living process, and free again when it is released', () => {
    const folder = new DataFolder(path);
    writeFileSync(lock(), String(process.ppid));
    expect(() => folder.acquire()).toThrow(FolderInUse);
    expect(() => folder.acquire()).toThrow(`A server (process ${process.ppid}) already works in ${path}`);
    rmSync(lock());
    folder.acquire();
    expect(readFileSync(lock(), 'utf8')).toBe(String(process.pid));
    folder.release();
    expect(existsSync(lock())).toBe(false);
  });

  it.each([
    ['a process that is gone', () => String(spawnSync(process.execPath, ['-e', '']).pid)],
    ['nobody that makes sense', () => 'half a wri'],
    ['nobody', () => ''],
  ])('is taken over from %s', (_who, holder) => {
    const folder = new DataFolder(path);
    writeFileSync(lock(), holder());
    folder.acquire();
    expect(readFileSync(lock(), 'utf8')).toBe(String(process.pid));
  });

  it('tells its owner alone where the server is and its token, which the next run finds', () => {
    const folder = new DataFolder(path);
    expect(folder.previousToken()).toBeUndefined();
    folder.publish({ url: 'http://127.0.0.1:1', pid: 7, token: 'kt_1' });
    expect(statSync(folder.localJson).mode & 0o777).toBe(0o600);
    expect(new DataFolder(path).previousToken()).toBe('kt_1');
    writeFileSync(folder.localJson, '{"url":');
    expect(folder.previousToken()).toBeUndefined();
  });
});
