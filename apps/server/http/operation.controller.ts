/** What an operator runs and looks at: projections and their rebuild, tokens there are, and the doctor's findings. */
import { Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Pool } from 'pg';
import { z } from 'zod';
import { NAME_KEY, type NameKey } from '#directory';
import { CLOCK, type Clock, EVENT_STORE, type EventStore } from '#event-store';
import { EVIDENCE, type Evidence } from '#evidence';
import type { Access } from '#operations';
import { PrismaClient } from '#postgres';
import {
  findOperationsParameters,
  type FindOperations,
  findTokens,
  projections,
  PROJECTORS,
  type Projectors,
} from '#projections';
import { Doctor } from '../doctor.js';
import { rebuildOnRequest } from '../rebuild.js';
import { Allow, CurrentAccess, demandUnscoped } from './access.guard.js';
import { AnswersInLines, NdjsonAnswer } from './ndjson-answer.js';
import { Problem } from './problem.filter.js';

const projectionName = z.string().min(1).max(64);
/** `verify`: publish the result only if every event read is what the newest checkpoint was signed over. */
const rebuildParameters = z.object({ verify: z.enum(['true', 'false']).default('false') });

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1')
@Allow('operator')
export class OperationController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(PROJECTORS) private readonly projectors: Projectors,
    @Inject(EVIDENCE) private readonly evidence: Evidence,
    private readonly pool: Pool,
    private readonly prisma: PrismaClient,
    private readonly doctor: Doctor,
  ) {}

  @Get('tokens')
  @Allow('auditor', 'operator')
  @ApiOperation({ summary: 'Tokens there are and were, the newest first; never their text' })
  tokens(@Query({ schema: findOperationsParameters }) parameters: FindOperations, @CurrentAccess() access: Access) {
    demandUnscoped(access);
    return findTokens(this.prisma, parameters);
  }

  @Get('doctor')
  @Allow('auditor', 'operator')
  @ApiOperation({ summary: 'Is everything as it should be? Each check with what to do next' })
  async checks() {
    return { checks: await this.doctor.examine() };
  }

  @Get('projections')
  @Allow('auditor', 'operator')
  @ApiOperation({ summary: 'Read models: how far each has read' })
  async list() {
    const [head, projections] = await Promise.all([this.store.head(), this.projectors.status()]);
    return {
      head,
      rows: projections.map((projection) => ({ ...projection, lag: head - projection.position })),
    };
  }

  @Post('projections/:projection/rebuild')
  @ApiOperation({ summary: 'Build a read model anew beside the old one, then swap; answers in JSON lines' })
  @AnswersInLines()
  async rebuild(
    @Param('projection', { schema: projectionName }) name: string,
    @Query({ schema: rebuildParameters }) { verify }: z.infer<typeof rebuildParameters>,
    @CurrentAccess() access: Access,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    demandUnscoped(access);
    const projection = projections.find((candidate) => candidate.name === name);
    if (!projection) {
      throw new Problem(
        404,
        'PROJECTION_UNKNOWN',
        `There is no projection "${name}": ${projections.map((known) => known.name).join(', ')}.`,
      );
    }
    const { store, pool, nameKey, clock, evidence } = this;
    const answer = new NdjsonAnswer(reply);
    try {
      const finished = await rebuildOnRequest(
        { ports: { store, nameKey, clock }, pool, evidence },
        {
          projection,
          verified: verify === 'true',
          actor: access.actor,
          onProgress: (progress) => answer.write({ progress }),
        },
      );
      answer.write({ finished });
    } catch (error) {
      answer.fail(error);
    }
    answer.end();
  }
}
