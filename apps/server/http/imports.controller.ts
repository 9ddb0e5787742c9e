/**
 * Imports: the file is the request's body, read as it comes; the answer is NDJSON, one line per progress report, quarantined
 * record or left-out file, and a last line `finished` or `failed`. What was read before a failure is in the log.
 */
import { Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { NAME_KEY, type NameKey } from '#directory';
import { CLOCK, type Clock, EVENT_STORE, type EventStore } from '#event-store';
import { importFile } from '#ingestion';
import type { Access } from '#operations';
import { PrismaClient } from '#postgres';
import { findImports, findOperationsParameters, type FindOperations, instantText } from '#projections';
import { Allow, CurrentAccess, readableForest } from './access.guard.js';
import { AnswersInLines, NdjsonAnswer } from './ndjson-answer.js';
import { IMPORT_MEDIA_TYPE } from './prepare-http.js';
import { Problem } from './problem.filter.js';

const importQuery = z.object({
  name: z.string().min(1).max(1024),
  forest: z.string().min(1).max(255).optional(),
  source: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of A-Z a-z 0-9 _ . -')
    .optional(),
  observedAt: instantText.optional(),
});

@ApiTags('ingestion')
@ApiBearerAuth()
@Controller('v1/imports')
export class ImportsController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly prisma: PrismaClient,
  ) {}

  @Post()
  @Allow('ingest', 'operator')
  @ApiOperation({ summary: 'Import a log or a directory dump; running it twice adds nothing twice' })
  @ApiConsumes(IMPORT_MEDIA_TYPE)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @AnswersInLines()
  async import(
    @Query({ schema: importQuery }) { name, forest: asked, source, observedAt }: z.infer<typeof importQuery>,
    @CurrentAccess() access: Access,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const body = request.body as Readable | undefined;
    if (!body || typeof body.pipe !== 'function') {
      throw new Problem(
        415,
        'IMPORT_MEDIA_TYPE',
        `Send the file's bytes as the body, with content-type ${IMPORT_MEDIA_TYPE}.`,
      );
    }
    const forest = readableForest(access, asked);
    const answer = new NdjsonAnswer(reply);
    const chunks = paced(body, answer);
    try {
      const report = await importFile(
        {
          name,
          ...(forest !== undefined && { forest }),
          ...(source !== undefined && { source }),
          ...(observedAt !== undefined && { observedAt }),
          ports: { store: this.store, nameKey: this.nameKey, clock: this.clock },
          actor: access.actor,
          onProgress: (progress) => answer.write({ progress }),
          onQuarantine: (quarantined) => answer.write({ quarantined }),
        },
        chunks,
      );
      if (report.leftOut) answer.write({ leftOut: report.leftOut });
      answer.write({ finished: report });
    } catch (error) {
      answer.fail(error);
    } finally {
      // What is left of the file goes nowhere, so that the client can finish sending, read the answer and ask on.
      await chunks.return(undefined);
      body.resume();
    }
    answer.end();
  }

  @Get()
  @Allow('auditor', 'ingest', 'operator')
  @ApiOperation({ summary: 'Imports that added something, the newest first' })
  list(@Query({ schema: findOperationsParameters }) parameters: FindOperations, @CurrentAccess() access: Access) {
    return findImports(this.prisma, { ...parameters, forest: readableForest(access, undefined) });
  }
}

/** The file's chunks, held back while the client does not read its answer. */
async function* paced(body: Readable, answer: NdjsonAnswer): AsyncGenerator<Uint8Array, void> {
  // Not destroyed when the reader gives up: its connection must still carry the answer.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    await answer.drained();
    yield chunk as Uint8Array;
  }
}
