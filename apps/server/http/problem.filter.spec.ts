import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { readdirSync, readFileSync } from 'node:fs';
import { AuthenticationRefusal } from '#authentication';
import { DirectoryRefusal } from '#directory';
import { LogBusy, RequestIdReused } from '#event-store';
import { Problem, toProblem } from './problem.filter.js';

/** Codes of errors that end a start, or that are caught before they could come to the edge. */
const NEVER_AT_THE_EDGE = [
  'CONFIG_INVALID',
  'FOLDER_IN_USE',
  'PG_EMBEDDED_FAILED',
  'PG_EMBEDDED_IN_USE',
  'PG_UNAVAILABLE',
  'PG_MIGRATION_FAILED',
  'PG_MIGRATION_CHANGED',
  'PG_MIGRATION_UNFINISHED',
  'PG_DATABASE_IS_NEWER',
  'OPS_NAME_KEY_MISMATCH',
  'OPS_NAME_KEY_MISSING',
  'KEY_ENCRYPTION_KEY_INVALID',
  'ES_SUBSCRIPTION_FENCED',
  'ING_UNREADABLE_RECORD',
  'EVIDENCE_KEY_MISSING',
  'EVIDENCE_REFUSED',
  'EVIDENCE_WITNESS_UNAVAILABLE',
  'PG_BACKUP_FAILED',
  'PG_RESTORE_REFUSED',
  'TLOG_BUNDLE_INVALID',
  'KAFKA_PUBLISHER_FENCED',
  'KAFKA_UNAVAILABLE',
  'RELAY_MESSAGE_INVALID',
  'PROJ_CONNECTION_LOST',
  'PROJ_EPOCH_UNKNOWN',
  'PROJ_EVENT_POISONED',
  'PROJ_PARTITION_STOPPED',
  'PROJ_SKIPPED_MEANWHILE',
  'PROJ_TOPIC_AHEAD_OF_LOG',
];
/** Ours to mend, never the caller's: INTERNAL, with the reason in the log. */
const INTERNAL = [
  'PG_INTEGER_TOO_LARGE',
  'ES_NEWER_SCHEMA_VERSION',
  'ES_BOX_DAMAGED',
  'KEY_UNWRAP_FAILED',
  'TLOG_TILE_INVALID',
];

/** Of every error class in the libs and the server that states its code as one text. */
function codesInTheCode(): string[] {
  const files = ['libs', 'apps/server'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  );
  const code = files.filter((path) => path.endsWith('.ts') && !/spec|generated/.test(path));
  return code.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/readonly code = '([A-Z_]+)'/g)].map(([, found]) => found!),
  );
}

const coded = (code: string): Error => Object.assign(new Error('what happened'), { code });

describe('an error', () => {
  it('of every code in the libs has a status, unless it never comes here or is ours', () => {
    const codes = [...new Set(codesInTheCode())];
    expect(codes.length).toBeGreaterThan(30);
    const unmapped = codes.filter((code) => toProblem(coded(code)) === undefined);
    expect(unmapped.toSorted()).toEqual([...NEVER_AT_THE_EDGE, ...INTERNAL].toSorted());
  });

  it('of a kind has the status of the kind', () => {
    expect(toProblem(new DirectoryRefusal('DIR_FORBIDDEN', 'no'))).toMatchObject({
      status: 403,
      code: 'DIR_FORBIDDEN',
    });
    expect(toProblem(new DirectoryRefusal('DIR_FOREST_UNKNOWN', 'no'))).toMatchObject({ status: 404 });
    expect(toProblem(new AuthenticationRefusal('AUTH_STEP_MISPLACED', 'no'))).toMatchObject({ status: 409 });
  });

  it('that passes says when to ask again', () => {
    expect(toProblem(new LogBusy(1_200))).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(toProblem(new RequestIdReused('an id'))).toMatchObject({ status: 422, headers: {} });
  });

  it('of Nest or Fastify has a code of ours', () => {
    expect(toProblem(new HttpException('no', 415))).toMatchObject({ status: 415, code: 'MEDIA_TYPE_UNSUPPORTED' });
    const tooLarge = Object.assign(coded('FST_ERR_CTP_BODY_TOO_LARGE'), { statusCode: 413 });
    expect(toProblem(tooLarge)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
  });

  it('without a code, or with one of the driver, is nobody else’s business', () => {
    for (const error of [
      new Error('secret'),
      coded('ECONNREFUSED'),
      coded('22021'),
      coded('P2039'),
      new TypeError('x'),
    ]) {
      expect(toProblem(error)).toBeUndefined();
    }
  });

  it('that is a problem stays one', () => {
    const problem = new Problem(404, 'ATTEMPT_UNKNOWN', 'none');
    expect(toProblem(problem)).toBe(problem);
  });
});
