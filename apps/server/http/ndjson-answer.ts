/** An answer of JSON lines that begins with its first line: until then an error is still an ordinary problem. */
import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { once } from 'node:events';
import { reference } from './openapi.js';
import { toProblem } from './problem.filter.js';

export const AnswersInLines = (): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ApiOkResponse({ description: 'JSON lines', content: { 'application/x-ndjson': { schema: reference('Line') } } }),
  );

export class NdjsonAnswer {
  begun = false;
  #full = false;

  constructor(private readonly reply: FastifyReply) {}

  write(line: object): void {
    if (!this.begun) {
      this.begun = true;
      this.reply.hijack();
      this.reply.raw.writeHead(200, {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'x-content-type-options': 'nosniff',
      });
    }
    this.#full = !this.reply.raw.write(`${JSON.stringify(line)}\n`);
  }

  /** Resolves when the client reads again, or is gone. */
  async drained(): Promise<void> {
    if (!this.#full || this.reply.raw.destroyed) return;
    await Promise.race([once(this.reply.raw, 'drain'), once(this.reply.raw, 'close')]);
    this.#full = false;
  }

  /** The last line of an answer that cannot be finished. Throws the error when no line was sent yet: it is then a problem. */
  fail(error: unknown): void {
    if (!this.begun) throw error;
    const { code, message } = toProblem(error) ?? {
      code: 'INTERNAL',
      message: 'The server failed; its log has the reason.',
    };
    this.reply.log.error(error);
    this.write({ failed: { code, detail: message } });
  }

  end(): void {
    this.reply.raw.end();
  }
}
