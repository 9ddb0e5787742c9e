/** The log as the directory's handlers write it. */
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, EVENT_STORE, type Clock, type EventStore, type JsonObject, type Load } from '#event-store';
import type { AccountEvent } from './account/account.events.js';
import type { CommandRequest } from './caller.js';
import { directoryEvents } from './directory.events.js';
import type { ForestEvent } from './forest/forest.events.js';
import type { NameEvent } from './name/name.events.js';
import { recordCommand, type CommandDecision, type CommandWrite, type Replied } from './record-command.js';
import { NAME_KEY, type NameKey } from './secret/name-key.js';

type DirectoryEvent = ForestEvent | AccountEvent | NameEvent;
export type DirectoryWrite = CommandWrite<DirectoryEvent>;

@Injectable()
export class DirectoryLog {
  constructor(
    @Inject(EVENT_STORE) readonly store: EventStore,
    @Inject(NAME_KEY) readonly nameKey: NameKey,
    @Inject(CLOCK) readonly clock: Clock,
  ) {}

  /** Throws what `decide` throws (DirectoryRefusal) and what `transact` throws. */
  async record<Reply extends JsonObject>(
    command: { readonly request: CommandRequest },
    decide: (load: Load) => Promise<CommandDecision<DirectoryEvent, Reply>>,
  ): Promise<Replied<Reply>> {
    const { replied } = await recordCommand(this, directoryEvents, command, decide);
    return replied;
  }
}
