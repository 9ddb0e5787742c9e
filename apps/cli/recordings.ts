/**
 * The files of an import: paths as given, folders with everything below them, in order of name. A directory dump does not say
 * when it was taken; the file `observed-at.json` beside it does: { "directory-t0.ldif": "2026-11-22T10:53:20.804Z", … }.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { environmentError, usageError } from './cli.error.js';

export type Recording = {
  readonly path: string;
  /** What the server is told: the file's name without its folders. */
  readonly name: string;
  readonly bytes: number;
  readonly observedAt: string | undefined;
};

const OBSERVED_AT_FILE = 'observed-at.json';
const FILES_MAX = 100_000;

/** `observedAt` given by hand holds for every file that `observed-at.json` does not name. Throws usage and environment errors. */
export function findRecordings(paths: readonly string[], observedAt?: string): Recording[] {
  const files = [...new Set(paths.flatMap((path) => listFiles(path)))];
  if (files.length > FILES_MAX)
    throw usageError(`these are ${files.length} files: import at most ${FILES_MAX} at once`);
  const instants = new Map<string, Readonly<Record<string, string>>>();
  return files.map((path) => {
    const folder = dirname(path);
    const beside = instants.get(folder) ?? readInstants(folder);
    instants.set(folder, beside);
    const name = basename(path);
    return { path, name, bytes: statSync(path).size, observedAt: beside[name] ?? observedAt };
  });
}

function listFiles(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw environmentError('FILE_UNREADABLE', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!isFolder) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== OBSERVED_AT_FILE && !name.startsWith('.'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() || entry.isFile() ? listFiles(join(path, entry.name)) : []));
}

function readInstants(folder: string): Readonly<Record<string, string>> {
  const path = join(folder, OBSERVED_AT_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return {};
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecordOfTexts(value)) return value;
  } catch {
    // told below
  }
  throw environmentError('OBSERVED_AT_UNREADABLE', `${path} is not a JSON object of file names and instants`, {
    next: '{ "dump.ldif": "2026-11-22T10:53:20.804Z" }',
  });
}

function isRecordOfTexts(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    !Array.isArray(value) &&
    value !== null &&
    Object.values(value).every((entry) => typeof entry === 'string')
  );
}
