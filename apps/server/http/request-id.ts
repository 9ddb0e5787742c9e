/**
 * What every command takes from its HTTP request beside its body: the id under which a retry finds the first answer, and the trace.
 */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { randomBytes } from 'node:crypto';
import { newEventId } from '#event-store';
import { Problem } from './problem.filter.js';

export type RequestContext = { readonly requestId: string; readonly traceparent?: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** W3C Trace Context §3.2: version 00. */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const DOCUMENTED = ApiHeader({
  name: 'idempotency-key',
  required: false,
  description: 'A UUID: asking again with it gives the first answer and adds nothing.',
  schema: { type: 'string', format: 'uuid' },
});

/** In the OpenAPI document, whatever takes a command's context takes the header that it is read from. */
function documented(controller: object, method: string | symbol | undefined): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(controller, method);
  if (method !== undefined && descriptor) DOCUMENTED(controller, method, descriptor);
}

export const CommandContext = createParamDecorator(
  (_: unknown, context: ExecutionContext): RequestContext => {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const key = headers['idempotency-key'];
    if (key !== undefined && (typeof key !== 'string' || !UUID.test(key))) {
      throw new Problem(400, 'IDEMPOTENCY_KEY_INVALID', 'Idempotency-Key must be one UUID.');
    }
    const { traceparent } = headers;
    return {
      // Ids that rise keep the index of receipts in memory, however many there are.
      requestId: key?.toLowerCase() ?? newEventId(Date.now(), randomBytes(10)),
      ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
    };
  },
  [documented],
);
