/** Sends one file to the server as it is read, and hears how it goes: POST /v1/imports, answered line by line. */
import { createReadStream } from 'node:fs';
import type { Client } from './client.js';
import { CliError, EXIT } from './cli.error.js';
import type { Progress } from './progress.js';
import type { Recording } from './recordings.js';

export type ImportCounts = {
  readonly bytes: number;
  readonly records: number;
  readonly appended: number;
  readonly duplicates: number;
  readonly unmapped: number;
  readonly quarantined: number;
};

export type Quarantined = {
  readonly line: number;
  readonly offset: number;
  readonly reason: string;
  readonly raw: string;
};

export type ImportReport = ImportCounts & {
  readonly name: string;
  readonly kind: string | null;
  readonly source: string | null;
  readonly forest: string | null;
  readonly leftOut: { readonly looksLike: string; readonly reason: string } | null;
  readonly unfinished: object | null;
  readonly position: number;
};

export type Imported = {
  readonly recording: Recording;
  readonly report: ImportReport;
  readonly quarantined: readonly Quarantined[];
};

type AnswerLine = {
  readonly progress?: ImportCounts;
  readonly quarantined?: Quarantined;
  readonly finished?: ImportReport;
  readonly failed?: { readonly code: string; readonly detail: string };
};

/** Quarantined records that are told one by one; the rest are counted. */
const QUARANTINED_MAX = 1_000;

/** Queries that follow read after the last event of this file. Throws when the import failed; what was read before is in the log. */
export async function importFile(
  client: Client,
  recording: Recording,
  options: { readonly forest?: string | undefined; readonly source?: string | undefined },
  progress: Progress,
): Promise<Imported> {
  const { path, name, observedAt } = recording;
  const upload = { bytes: createReadStream(path), contentType: 'application/octet-stream' };
  const quarantined: Quarantined[] = [];
  for await (const line of client.lines<AnswerLine>('POST', '/v1/imports', { ...options, name, observedAt }, upload)) {
    if (line.progress) progress.update(line.progress.bytes, `${line.progress.records.toLocaleString('en')} records`);
    if (line.quarantined && quarantined.length < QUARANTINED_MAX) quarantined.push(line.quarantined);
    if (line.failed) throw new CliError(EXIT.environment, line.failed.code, `${name}: ${line.failed.detail}`);
    if (!line.finished) continue;
    client.readAfter(line.finished.position);
    return { recording, report: line.finished, quarantined };
  }
  throw new CliError(EXIT.environment, 'IMPORT_BROKE_OFF', `the server ended the import of ${name} without a report`, {
    next: 'import it again: what is there already is not added twice',
  });
}
