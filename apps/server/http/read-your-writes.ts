/**
 * Read your own writes: every command answers with its log position, and every query takes `after=<position>` and waits, at most
 * five seconds, until the read models are there. It also measures every request.
 */
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { finalize, type Observable } from 'rxjs';
import { PROJECTORS, type Projectors } from '#projections';
import { Metrics } from '../metrics.js';
import { Problem } from './problem.filter.js';

const WAIT_MS = 5_000;

@Injectable()
export class ReadYourWrites implements NestInterceptor {
  constructor(
    @Inject(PROJECTORS) private readonly projectors: Projectors,
    private readonly metrics: Metrics,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest<{ Querystring: { after?: string } }>>();
    const reply = http.getResponse<FastifyReply>();
    const started = performance.now();
    const route = request.routeOptions.url ?? 'unknown';
    if (request.method === 'GET') await this.wait(request.query.after);
    return next.handle().pipe(
      finalize(() => {
        this.metrics.observeRequest(request.method, route, reply.statusCode, (performance.now() - started) / 1000);
      }),
    );
  }

  private async wait(after: string | undefined): Promise<void> {
    if (after === undefined) return;
    const position = Number(after);
    if (!Number.isSafeInteger(position) || position < 0) {
      throw new Problem(400, 'REQUEST_INVALID', 'after: must be the position that a command answered with');
    }
    const behind = await this.projectors.waitFor(position, WAIT_MS);
    if (behind.length === 0) return;
    const lag = behind.map(({ name, position: at }) => `${name} is ${position - at} behind`).join(', ');
    throw new Problem(
      503,
      'PROJECTION_BEHIND',
      `The read models have not reached position ${position} yet: ${lag}.`,
      { behind },
      { 'retry-after': '1' },
    );
  }
}
