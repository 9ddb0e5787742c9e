/** Old partitions of the log: which there are, out of the database into their sealed files, and what retention takes of these. */
import { Controller, Get, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Pool } from 'pg';
import { z } from 'zod';
import { NAME_KEY, type NameKey } from '#directory';
import { CLOCK, type Clock, EVENT_STORE, type EventStore } from '#event-store';
import { EVIDENCE, type Evidence, tileReader } from '#evidence';
import {
  type Access,
  type Archived,
  archivePartitions,
  type ArchivePorts,
  partitionsDue,
  retirePartitions,
} from '#operations';
import { createPool } from '#postgres';
import { instantText } from '#projections';
import { Allow, CurrentAccess, demandUnscoped } from './access.guard.js';
import { AnswersInLines, NdjsonAnswer } from './ndjson-answer.js';

export const ARCHIVE = Symbol('ARCHIVE');
/** `ownerUrl` logs in as the migration role: it is used while a command needs it, and for nothing else. */
export type ArchivePlaces = { readonly segmentsFolder: string; readonly ownerUrl: string };

const OWNER_CONNECTIONS = 2;

const position = z.coerce.number().int().min(1);
const before = z.union(
  [position.transform((at) => ({ position: at })), instantText.transform((at) => ({ recordedAt: at }))],
  { error: 'write a position of the log, from 1 on, or an RFC 3339 UTC instant such as 2026-11-22T10:53:32.933392Z' },
);
const archiveParameters = z.object({ before: before.optional() });
const retireParameters = z.object({ before: position.transform((at) => ({ position: at })) });

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1/archive')
@Allow('operator')
export class ArchiveController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(EVIDENCE) private readonly evidence: Evidence,
    @Inject(ARCHIVE) private readonly places: ArchivePlaces,
    private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('auditor', 'operator')
  @ApiOperation({ summary: 'Full partitions of the log, where they are, and which of them archiving would take' })
  async list(
    @Query({ schema: archiveParameters }) parameters: z.infer<typeof archiveParameters>,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return { rows: await partitionsDue(this.pool, parameters.before) };
  }

  @Post()
  @ApiOperation({ summary: 'Take sealed and covered partitions out of the database; answers in JSON lines' })
  @AnswersInLines()
  async archive(
    @Query({ schema: archiveParameters }) parameters: z.infer<typeof archiveParameters>,
    @CurrentAccess() access: Access,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    demandUnscoped(access);
    await this.answer(reply, (ports) => archivePartitions(ports, access.actor, parameters.before));
  }

  @Post('retire')
  @ApiOperation({ summary: 'Give up what retention does not keep of detached partitions; answers in JSON lines' })
  @AnswersInLines()
  async retire(
    @Query({ schema: retireParameters }) parameters: z.infer<typeof retireParameters>,
    @CurrentAccess() access: Access,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    demandUnscoped(access);
    await this.answer(reply, (ports) => retirePartitions(ports, access.actor, parameters.before));
  }

  /** A line for each partition when it is done, and one at the end with the position to read after. */
  private async answer(reply: FastifyReply, run: (ports: ArchivePorts) => AsyncIterable<Archived>): Promise<void> {
    const { store, nameKey, clock, pool, evidence, places } = this;
    const owner = createPool(places.ownerUrl, {
      max: OWNER_CONNECTIONS,
      applicationName: 'kerbtrail archive',
      asRole: 'none',
    });
    const ports: ArchivePorts = {
      store,
      nameKey,
      clock,
      pool,
      owner,
      segmentsFolder: places.segmentsFolder,
      readTile: tileReader(pool),
      checkpointSize: async () => (await evidence.checkpoint())?.size ?? 0,
    };
    const answer = new NdjsonAnswer(reply);
    try {
      let partitions = 0;
      let last = 0;
      for await (const partition of run(ports)) {
        answer.write({ partition });
        partitions += 1;
        last = Math.max(last, partition.at);
      }
      answer.write({ finished: { partitions, position: last } });
    } catch (error) {
      answer.fail(error);
    } finally {
      await owner.end();
    }
    answer.end();
  }
}
