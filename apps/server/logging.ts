/**
 * Structured logs: one JSON line an event on standard error, so that standard output stays free for people. Headers, bodies and
 * query strings are not logged: they hold tokens, passwords and names.
 */
import type { Params } from 'nestjs-pino';
import pino from 'pino';
import { randomUUID } from 'node:crypto';

type LoggedRequest = { id: unknown; method: string; url: string };

export function createLogger(level: string): pino.Logger {
  return pino({ level, base: { name: 'kerbtrail' } }, pino.destination({ dest: 2, sync: true }));
}

export function loggerOptions(level: string): Params {
  return {
    pinoHttp: {
      logger: createLogger(level),
      genReqId: () => randomUUID(),
      customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'error' : 'debug'),
      serializers: {
        req: (request: LoggedRequest) => ({ id: request.id, method: request.method, path: request.url.split('?')[0] }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
    },
  };
}
