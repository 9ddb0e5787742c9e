/**
 * Structured logs: one JSON line an event on standard error, so that standard output stays free for people. Headers, bodies and
 * query strings are not logged, nor what follows the first two segments of a path: they hold tokens, passwords and names.
 */
import type { Params } from 'nestjs-pino';
import pino from 'pino';

type LoggedRequest = { id: unknown; method: string; url: string };

export function createLogger(level: string): pino.Logger {
  return pino({ level, base: { name: 'kerbtrail' } }, pino.destination({ dest: 2, sync: true }));
}

export function loggerOptions(level: string): Params {
  return {
    forRoutes: ['/{*path}'], // nestjs-pino's own default matches no path of the Fastify adapter
    pinoHttp: {
      logger: createLogger(level),
      // A failure's reason was logged as an error by problem.filter.ts.
      customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'warn' : 'debug'),
      serializers: {
        req: (request: LoggedRequest) => ({ id: request.id, method: request.method, path: beginning(request.url) }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
    },
  };
}

/** `/v1/accounts/alice?after=7` to `/v1/accounts`. */
function beginning(url: string): string {
  return url.split('?')[0]!.split('/').slice(0, 3).join('/');
}
