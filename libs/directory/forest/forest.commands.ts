/** Commands on forests. Refused with DirectoryRefusal. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest } from '../caller.js';
import type { Replied } from '../record-command.js';
import type { ForestPolicy } from './forest.events.js';

export type ForestReply = { readonly forest: string };

/** The name is the DNS name of the root domain, which is made with the forest; its lower-case form is the forest's id. */
export class CreateForest extends Command<Replied<ForestReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly name: string,
    readonly netbiosName?: string,
    readonly policy?: Partial<ForestPolicy>,
  ) {
    super();
  }
}

export class AddDomain extends Command<Replied<ForestReply & { readonly domain: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly forest: string,
    readonly domain: string,
    readonly netbiosName?: string,
  ) {
    super();
  }
}

/** What `policy` does not name stays as it is. */
export class ChangePolicy extends Command<Replied<ForestReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly forest: string,
    readonly policy: Partial<ForestPolicy>,
  ) {
    super();
  }
}
