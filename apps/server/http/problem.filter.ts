/**
 * Every error that leaves the server is an RFC 9457 problem with a stable `code`. This is the one place that maps the libs'
 * coded errors to HTTP statuses; an error without a code is ours, is logged whole and told as INTERNAL.
 */
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

export type ProblemFields = { readonly [key: string]: unknown };

/** A refusal or failure that a controller states itself; `fields` become extension members of the problem. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: ProblemFields = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

const statusByKind: Record<string, number> = { 'not-found': 404, forbidden: 403, conflict: 409, invalid: 400 };

const statusByCode: Record<string, number> = {
  ES_LOG_BUSY: 503,
  ES_LOG_UNAVAILABLE: 503,
  ES_EVENT_REJECTED: 413,
  ES_WRONG_EXPECTED_VERSION: 409,
  ES_REQUEST_ID_REUSED: 422,
  ES_STREAM_TOO_LONG: 409,
  ES_EVENTS_WITHHELD: 410,
  ES_SEGMENT_MISSING: 503,
  ES_SEGMENT_ALTERED: 503,
  ES_SEGMENT_MISMATCH: 409,
  ES_PARTITION_NOT_YOURS: 409,
  ES_PARTITION_IN_USE: 503,
  ES_INVALID_INSTANT: 400,
  ES_NOT_CANONICAL: 400,
  PROJ_INVALID_CURSOR: 400,
  PROJ_AS_KNOWN_NEEDS_KEY: 400,
  PROJ_TOO_MUCH_EVIDENCE: 400,
  PROJ_ACCOUNT_AMBIGUOUS: 409,
  PROJ_REBUILD_RUNNING: 409,
  ING_FOREST_UNKNOWN: 400,
  ING_INVALID_IMPORT: 400,
  ING_SOURCE_DAMAGED: 400,
  ING_UNPACK_LIMIT: 413,
  ING_IMPORTED_ELSEWHERE: 409,
  KEY_VERSION_CONTENDED: 409,
  EVIDENCE_TILE_UNKNOWN: 404,
  EVIDENCE_EVENT_MISSING: 410,
  EVIDENCE_BUNDLE_SIZE: 413,
  EVIDENCE_MISMATCH: 409,
  EVIDENCE_BEHIND: 503,
};

/** What Nest and Fastify refuse themselves. */
const codeByStatus: Record<number, string> = {
  400: 'REQUEST_INVALID',
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  414: 'PATH_TOO_LONG',
  415: 'MEDIA_TYPE_UNSUPPORTED',
};

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Refused',
  404: 'Not found',
  409: 'Conflict',
  410: 'Gone',
  413: 'Too large',
  414: 'Path too long',
  415: 'Unsupported media type',
  422: 'Request id used before',
  500: 'Internal error',
  503: 'Not available now',
};

type CodedError = Error & {
  code?: unknown;
  kind?: unknown;
  retryAfterMs?: unknown;
  position?: unknown;
  statusCode?: unknown;
};

export function toProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof HttpException) return refusedByFramework(error.getStatus(), error.message);
  const { code, kind, message, retryAfterMs, position, statusCode } = error as CodedError;
  if (typeof code !== 'string') return undefined;
  if (code.startsWith('FST_'))
    return typeof statusCode === 'number' ? refusedByFramework(statusCode, message) : undefined;
  const status = statusByKind[String(kind)] ?? statusByCode[code] ?? (code.startsWith('SPN_') ? 400 : undefined);
  if (status === undefined) return undefined;
  const headers: Record<string, string> =
    typeof retryAfterMs === 'number' ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : {};
  return new Problem(status, code, message, typeof position === 'number' ? { position } : {}, headers);
}

function refusedByFramework(status: number, message: string): Problem | undefined {
  const code = codeByStatus[status];
  return code === undefined ? undefined : new Problem(status, code, message);
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    let problem = toProblem(error);
    if (!problem) {
      this.log.error(error);
      problem = new Problem(500, 'INTERNAL', 'The server failed; its log has the reason under this request id.', {
        requestId: request.id,
      });
    }
    if (!reply.sent && !reply.raw.headersSent) send(problem, request, reply);
  }
}

/** For Fastify: a path that is no path, or too long a part of one, never reaches a route. */
export function refuseUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  send(toProblem(error) ?? new Problem(400, 'REQUEST_INVALID', error.message), request, reply);
}

function send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .status(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send({
      type: `urn:kerbtrail:problem:${problem.code}`,
      title: titles[problem.status] ?? 'Error',
      status: problem.status,
      code: problem.code,
      detail: problem.message,
      instance: request.url.split('?')[0],
      ...problem.fields,
    });
}
