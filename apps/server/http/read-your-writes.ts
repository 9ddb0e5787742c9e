/**
 * Read your own writes: every command answers with its log position, and every query takes `after=<position>` and waits, at most
 * five seconds, until the read models are there.
 */
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { PROJECTORS, type Projectors } from '#projections';
import { Problem } from './problem.filter.js';

const WAIT_MS = 5_000;
const READS_ON = 'kerbtrail:reads-on';

/** On a query whose `after` is where it reads on, and so nothing to wait for. */
export const ReadsOnAfter = (): MethodDecorator => SetMetadata(READS_ON, true);

@Injectable()
export class ReadYourWrites implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    @Inject(PROJECTORS) private readonly projectors: Projectors,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const { method, query } = context.switchToHttp().getRequest<FastifyRequest<{ Querystring: { after?: string } }>>();
    const readsOn = this.reflector.get<boolean | undefined>(READS_ON, context.getHandler());
    if (method === 'GET' && !readsOn) await this.wait(query.after);
    return next.handle();
  }

  private async wait(after: string | undefined): Promise<void> {
    if (after === undefined) return;
    const position = Number(after);
    if (!Number.isSafeInteger(position) || position < 0) {
      throw new Problem(400, 'REQUEST_INVALID', 'after: must be the position that a command answered with');
    }
    await waitForReadModels(this.projectors, position);
  }
}

/** Throws a Problem that says how far they are behind. */
export async function waitForReadModels(projectors: Projectors, position: number): Promise<void> {
  const behind = await projectors.waitFor(position, WAIT_MS);
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
