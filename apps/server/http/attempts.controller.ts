/** Authentication attempts, step by step, and the failed mutual authentications with their cause. */
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Access } from '#operations';
import { PrismaClient } from '#postgres';
import {
  findAttempts,
  findAttemptsParameters,
  findFailures,
  findFailuresParameters,
  getAttempt,
  getFailure,
  type FindAttempts,
  type FindFailures,
} from '#projections';
import { Allow, CurrentAccess, readableForest } from './access.guard.js';
import { Problem } from './problem.filter.js';

const attemptId = z.string().min(1).max(200);

@ApiTags('attempts')
@ApiBearerAuth()
@Controller('v1')
@Allow('auditor', 'operator')
export class AttemptsController {
  constructor(private readonly prisma: PrismaClient) {}

  @Get('attempts')
  @ApiOperation({ summary: 'Authentication attempts; each step observed, inferred or missing' })
  attempts(@Query({ schema: findAttemptsParameters }) parameters: FindAttempts, @CurrentAccess() access: Access) {
    return findAttempts(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('attempts/:attempt')
  @ApiOperation({ summary: 'One attempt, by its id or that of an event in it' })
  async attempt(@Param('attempt', { schema: attemptId }) id: string, @CurrentAccess() access: Access) {
    const attempt = await getAttempt(this.prisma, id);
    const { forest } = access.scope;
    if (!attempt || (forest !== undefined && attempt.forest !== forest)) {
      throw new Problem(404, 'ATTEMPT_UNKNOWN', `There is no attempt "${id}": GET /v1/attempts lists them.`);
    }
    return attempt;
  }

  @Get('failures')
  @ApiOperation({ summary: 'Failed mutual authentications: code, cause, confidence, evidence, repair' })
  failures(@Query({ schema: findFailuresParameters }) parameters: FindFailures, @CurrentAccess() access: Access) {
    return findFailures(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('failures/:attempt')
  @ApiOperation({ summary: 'One failure, by the id of its attempt or that of an event in it' })
  async failure(@Param('attempt', { schema: attemptId }) id: string, @CurrentAccess() access: Access) {
    const failure = await getFailure(this.prisma, id);
    const { forest } = access.scope;
    if (!failure || (forest !== undefined && failure.attempt.forest !== forest)) {
      throw new Problem(404, 'FAILURE_UNKNOWN', `No failed attempt has the id "${id}": GET /v1/failures lists them.`);
    }
    return failure;
  }
}
