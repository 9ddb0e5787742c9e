/**
 * Commands that write an account's SPNs. A refusal by rule is a reply (`outcome: 'refused'`) and an event, for lack of rights
 * and for an account that is not there too; only a request too large or too broken to be recorded is a DirectoryRefusal.
 */
import { Command } from '@nestjs/cqrs';
import type { Holder } from '../account/account.events.js';
import type { CommandRequest } from '../caller.js';
import type { Replied } from '../record-command.js';

export type SpnWriteReply =
  | {
      readonly outcome: 'accepted';
      readonly account: string;
      readonly registered: readonly string[];
      readonly removed: readonly string[];
      /** Registered although others hold them, at most the first ten of `registered`. */
      readonly conflicts: readonly { readonly spn: string; readonly holders: readonly Holder[] }[];
    }
  | {
      readonly outcome: 'refused';
      readonly account: string;
      readonly status: number;
      readonly code: string;
      readonly reason: string;
      readonly holders: readonly Holder[];
    };

/** All of them or none. */
export class RegisterSpns extends Command<Replied<SpnWriteReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
    readonly spns: readonly string[],
  ) {
    super();
  }
}

/** The list becomes exactly this one; an empty list clears it. */
export class ReplaceSpns extends Command<Replied<SpnWriteReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
    readonly spns: readonly string[],
  ) {
    super();
  }
}

/** Each must be held by the account; compared as the directory does. */
export class RemoveSpns extends Command<Replied<SpnWriteReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
    readonly spns: readonly string[],
  ) {
    super();
  }
}
