/** What is kept of a person, and erasing it for good (docs/personal-data.md). For operators alone; names travel in no path. */
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Access } from '#operations';
import { PersonEraser } from '../erasure/erase-person.js';
import { Allow, commandRequest, CurrentAccess, demandUnscoped } from './access.guard.js';
import { CommandContext, type RequestContext } from './request-id.js';

const name = z.string().min(1).max(1024);
const personParameters = z.object({ name, forest: name.optional(), after: z.coerce.number().int().optional() });
const erasureBody = z
  .object({
    names: z.array(name).min(1).max(20),
    forest: name.optional(),
    reason: z.string().min(1).max(500),
  })
  .meta({ id: 'Erasure', description: 'The reason stays for ever: it must not tell who the person is.' });

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1/persons')
@Allow('operator')
export class PersonsController {
  constructor(private readonly eraser: PersonEraser) {}

  @Get()
  @ApiOperation({ summary: 'What goes by a name: accounts, names, events, and how many keys it is sealed under' })
  async find(
    @Query({ schema: personParameters }) { name, forest }: z.infer<typeof personParameters>,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    const { subjects, ...found } = await this.eraser.find({ names: [name], forest });
    return { ...found, keys: subjects.length };
  }

  @Post('erase')
  @HttpCode(200)
  @ApiOperation({ summary: 'Erase a person: delete the keys, build the read models anew; answers when it is done' })
  erase(
    @Body({ schema: erasureBody }) body: z.infer<typeof erasureBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.eraser.erase(commandRequest(context, access), body);
  }
}
