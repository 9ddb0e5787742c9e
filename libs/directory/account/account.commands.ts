/** Commands on accounts. Refused with DirectoryRefusal; a rename whose SPNs clash is refused by reply and event. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest } from '../caller.js';
import type { Replied } from '../record-command.js';
import type { SpnWriteReply } from '../spn/spn-write.commands.js';
import type { NameChanges } from './account.decider.js';
import type { AccountKind } from './account.events.js';

export type AccountReply = { readonly account: string };
/** `kvno` is the version of the keys made from the password; 0 when none was given. */
export type KeysReply = AccountReply & { readonly kvno: number };

export type AccountDetails = {
  readonly forest: string;
  readonly domain: string;
  readonly kind: AccountKind;
  /** Of a computer or managed service account it ends in `$`. */
  readonly samAccountName: string;
  readonly userPrincipalName?: string | undefined;
  readonly dnsHostName?: string | undefined;
  readonly password?: string | undefined;
  /** Default true. */
  readonly enabled?: boolean | undefined;
};

/** The reply tells the new account's id. */
export class CreateAccount extends Command<Replied<KeysReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly details: AccountDetails,
  ) {
    super();
  }
}

/** The SPNs of a renamed computer follow; if one of them would clash, nothing is changed. */
export class RenameAccount extends Command<Replied<SpnWriteReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
    readonly names: NameChanges,
  ) {
    super();
  }
}

export class SetPassword extends Command<Replied<KeysReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
    readonly password: string,
  ) {
    super();
  }
}

export class EnableAccount extends Command<Replied<AccountReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
  ) {
    super();
  }
}

export class DisableAccount extends Command<Replied<AccountReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
  ) {
    super();
  }
}

export class DeleteAccount extends Command<Replied<AccountReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly account: string,
  ) {
    super();
  }
}
