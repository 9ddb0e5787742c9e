/** Handlers of the commands on accounts: establish the facts, decide (account.decider.ts), record. */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { RANDOM, type Load, type Random } from '#event-store';
import { administersAccount, administersDomain, demand, type CommandRequest } from '../caller.js';
import { DirectoryLog, type DirectoryWrite } from '../directory-log.js';
import { dnsName } from '../forest/forest.decider.js';
import { accountStream, loadHoldings, requireAccount, requireForest } from '../load.js';
import { principalNameWrites, principalStreams, spnNameWrites } from '../name/name-writes.js';
import { KEY_STORE, type KeyStore } from '../secret/key-store.js';
import { NAME_KEY, type NameKey } from '../secret/name-key.js';
import { loadRivals } from '../spn/load-rivals.js';
import { decideSpnWrite } from '../spn/spn-write.decider.js';
import { spnDecisionWrites, spnWriteReply } from '../spn/spn-write.handlers.js';
import {
  CreateAccount,
  DeleteAccount,
  DisableAccount,
  EnableAccount,
  RenameAccount,
  SetPassword,
} from './account.commands.js';
import {
  changePassword,
  checkNames,
  createAccount,
  deleteAccount,
  disableAccount,
  enableAccount,
  hostRewrite,
  namesAfter,
  passwordSalt,
  renameAccount,
} from './account.decider.js';
import type { AccountState } from './account-state.js';
import { loadNameHolders } from './load-name-holders.js';
import { PasswordKeys } from './password-keys.js';

const ACCOUNT_ID_BYTES = 10;

@CommandHandler(CreateAccount)
export class CreateAccountHandler implements ICommandHandler<CreateAccount> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async execute(command: CreateAccount) {
    const { kind, password, enabled = true, userPrincipalName = null, dnsHostName = null } = command.details;
    const domain = dnsName(command.details.domain);
    const names = checkNames(kind, { ...command.details, userPrincipalName, dnsHostName });
    const account = this.random(ACCOUNT_ID_BYTES).toString('hex');
    const passwordKeys = password === undefined ? null : new PasswordKeys(this.keyStore, account, password);

    const replied = await this.log.record(command, async (load) => {
      const forest = await requireForest(load, command.details.forest);
      demand(
        administersDomain(command.request.caller, forest.forest, domain),
        command.request.caller,
        `domain ${domain}`,
      );
      const holders = await loadNameHolders(load, this.nameKey, forest, account, domain, names);
      const events = createAccount(forest, holders, { ...names, account, domain, kind, enabled });
      const salt = passwordSalt({ kind, domain, samAccountName: names.samAccountName });
      const stored = await passwordKeys?.store(forest.policy.etypes, salt, 0);
      if (stored) events.push(...changePassword({ forest: forest.forest, account, kvno: 0 }, stored.kvno, stored.keys));
      const streams = principalStreams(this.nameKey, { forest: forest.forest, domain }, names);
      await Promise.all(streams.map((stream) => loadHoldings(load, stream)));
      return {
        writes: [{ stream: accountStream(account), events, expected: 0 }, ...principalNameWrites(account, [], streams)],
        reply: { account, kvno: stored?.kvno ?? 0 },
      };
    });
    if (replied.account === account) await passwordKeys?.settle(replied.kvno);
    return replied;
  }
}

@CommandHandler(RenameAccount)
export class RenameAccountHandler implements ICommandHandler<RenameAccount> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
  ) {}

  execute(command: RenameAccount) {
    const { caller } = command.request;
    return this.log.record(command, async (load) => {
      const state = await loadAdministered(load, command);
      const forest = await requireForest(load, state.forest);
      const names = namesAfter(state, command.names);
      const holders = await loadNameHolders(load, this.nameKey, forest, state.account, state.domain, names);
      const renamed = renameAccount(forest, holders, state, names);

      const rewrite = hostRewrite(state, names);
      const rivals = await loadRivals(load, this.nameKey, forest.forest, rewrite.add);
      const decision = decideSpnWrite({ caller, forest, account: state, rivals }, rewrite);
      const reply = spnWriteReply(state.account, decision);
      const [account, ...spnNames] = await spnDecisionWrites(load, state, decision);
      if (decision.outcome === 'refused') return { writes: [account], reply };

      const [before, after] = [state, names].map((of) => principalStreams(this.nameKey, state, of));
      const principalNames = principalNameWrites(state.account, before ?? [], after ?? []);
      await Promise.all(principalNames.map(({ stream }) => loadHoldings(load, stream)));
      return {
        writes: [{ ...account, events: [...renamed, ...account.events] }, ...spnNames, ...principalNames],
        reply,
      };
    });
  }
}

@CommandHandler(SetPassword)
export class SetPasswordHandler implements ICommandHandler<SetPassword> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
  ) {}

  async execute(command: SetPassword) {
    const passwordKeys = new PasswordKeys(this.keyStore, command.account, command.password);
    const replied = await this.log.record(command, async (load) => {
      const state = await loadAdministered(load, command);
      const { policy } = await requireForest(load, state.forest);
      const { kvno, keys } = await passwordKeys.store(policy.etypes, passwordSalt(state), state.kvno);
      const events = changePassword(state, kvno, keys);
      return { writes: [{ stream: accountStream(state.account), events }], reply: { account: state.account, kvno } };
    });
    await passwordKeys.settle(replied.kvno);
    return replied;
  }
}

@CommandHandler(EnableAccount)
export class EnableAccountHandler implements ICommandHandler<EnableAccount> {
  constructor(private readonly log: DirectoryLog) {}

  execute(command: EnableAccount) {
    return this.log.record(command, async (load) => {
      const state = await loadAdministered(load, command);
      const write: DirectoryWrite = { stream: accountStream(state.account), events: enableAccount(state) };
      return { writes: [write], reply: { account: state.account } };
    });
  }
}

@CommandHandler(DisableAccount)
export class DisableAccountHandler implements ICommandHandler<DisableAccount> {
  constructor(private readonly log: DirectoryLog) {}

  execute(command: DisableAccount) {
    return this.log.record(command, async (load) => {
      const state = await loadAdministered(load, command);
      const write: DirectoryWrite = { stream: accountStream(state.account), events: disableAccount(state) };
      return { writes: [write], reply: { account: state.account } };
    });
  }
}

@CommandHandler(DeleteAccount)
export class DeleteAccountHandler implements ICommandHandler<DeleteAccount> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
  ) {}

  /** The keys go after the log says so; marked before, they are found by the sweep if this process dies in between. */
  async execute(command: DeleteAccount) {
    const { account } = command;
    const replied = await this.log.record(command, async (load) => {
      const state = await loadAdministered(load, command);
      const names = [
        ...spnNameWrites(state, state.spns, []),
        ...principalNameWrites(account, principalStreams(this.nameKey, state, state), []),
      ];
      await Promise.all([requireForest(load, state.forest), ...names.map(({ stream }) => loadHoldings(load, stream))]);
      await this.keyStore.unsettle(account);
      const write: DirectoryWrite = { stream: accountStream(account), events: deleteAccount(state) };
      return { writes: [write, ...names], reply: { account } };
    });
    await this.keyStore.removeAll(account);
    return replied;
  }
}

/** The account, if it is there and the caller may change it. */
async function loadAdministered(
  load: Load,
  { account, request: { caller } }: { readonly account: string; readonly request: CommandRequest },
): Promise<AccountState> {
  const state = await requireAccount(load, account);
  demand(administersAccount(caller, state), caller, `account ${account}`);
  return state;
}
