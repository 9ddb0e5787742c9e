/** The local operator's token, which local.json holds for the command line of this folder. */
import { CommandBus } from '@nestjs/cqrs';
import type { INestApplicationContext } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { authenticate, CreateToken } from '#operations';
import type { DataFolder } from './local-file.js';
import type { OpenLog } from './log.js';

/** The token of the last run while it is valid; else a new one, made by command like every other. */
export async function operatorToken(
  folder: DataFolder,
  app: INestApplicationContext,
  { store, clock }: OpenLog,
): Promise<string> {
  const previous = folder.previousToken();
  if (previous && (await authenticate(store, previous, clock.now()))?.roles.includes('operator')) return previous;
  const { text } = await app.get(CommandBus).execute(
    new CreateToken(
      { requestId: randomUUID(), caller: { actor: 'kerbtrail', administers: 'all' } },
      {
        actor: 'local-operator',
        roles: ['operator', 'installer', 'ingest', 'auditor'],
        note: `made at start for ${folder.localJson}`,
      },
    ),
  );
  return text;
}
