/** The event timeline: found by what events are about, tailed by position, each one with the bytes its hash commits to. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Pool } from 'pg';
import { z } from 'zod';
import { EVENT_STORE, type EventStore } from '#event-store';
import { type Access, retirementAt } from '#operations';
import { PrismaClient } from '#postgres';
import {
  findEvents,
  findEventsParameters,
  getEvent,
  tailEvents,
  tailEventsParameters,
  type FindEvents,
  type TailEvents,
} from '#projections';
import { Allow, CurrentAccess, readableForest } from './access.guard.js';
import { Problem } from './problem.filter.js';
import { ReadsOnAfter } from './read-your-writes.js';

const position = z.coerce.number().int().min(1);

@ApiTags('events')
@ApiBearerAuth()
@Controller('v1/events')
@Allow('auditor', 'operator')
export class EventsController {
  constructor(
    private readonly prisma: PrismaClient,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly pool: Pool,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Find events, in order of the instant at which they occurred' })
  find(@Query({ schema: findEventsParameters }) parameters: FindEvents, @CurrentAccess() access: Access) {
    return findEvents(this.prisma, this.store, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('tail')
  @ReadsOnAfter()
  @ApiOperation({ summary: 'Follow the log after a position, waiting for more' })
  tail(@Query({ schema: tailEventsParameters }) parameters: TailEvents, @CurrentAccess() access: Access) {
    return tailEvents(this.prisma, this.store, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get(':position')
  @ApiOperation({ summary: 'One event, its leaf hash and the exact bytes that it commits to' })
  async get(@Param('position', { schema: position }) at: number, @CurrentAccess() access: Access) {
    const readable = readableForest(access, undefined);
    const { store, pool } = this;
    const found = await getEvent(store, at);
    if (!found && readable === undefined && (await retirementAt({ store, pool }, at))) {
      throw new Problem(410, 'ES_EVENTS_WITHHELD', `Retention gave up the event at position ${at}; its proof stays.`);
    }
    if (!found || (readable !== undefined && found.event.data['forest'] !== readable)) {
      throw new Problem(404, 'EVENT_UNKNOWN', `There is no event at position ${at}.`);
    }
    return found;
  }
}
