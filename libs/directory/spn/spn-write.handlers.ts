/**
 * Handlers of the SPN writes. The streams of the forest, the account and every name touched are loaded, so that the
 * append is refused, and the decision made again, when any of them changed meanwhile.
 */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { streamName, type Load } from '#event-store';
import type { AccountState } from '../account/account-state.js';
import { DirectoryLog, type DirectoryWrite } from '../directory-log.js';
import { accountStream, loadAccount, loadHoldings, requireForest } from '../load.js';
import { spnNameWrites } from '../name/name-writes.js';
import type { Replied } from '../record-command.js';
import { NAME_KEY, type NameKey } from '../secret/name-key.js';
import { loadRivals } from './load-rivals.js';
import { RegisterSpns, RemoveSpns, ReplaceSpns, type SpnWriteReply } from './spn-write.commands.js';
import {
  checkAsked,
  decideSpnWrite,
  planSpnWrite,
  refuseUnknownAccount,
  type SpnDecision,
  type SpnOperation,
} from './spn-write.decider.js';

const CONFLICTS_TOLD_MAX = 10;

/** Takes the refusals of writes to accounts that never were. */
const DIRECTORY_OPERATIONS = streamName('operation', 'directory');

@CommandHandler(RegisterSpns)
export class RegisterSpnsHandler implements ICommandHandler<RegisterSpns> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
  ) {}

  execute(command: RegisterSpns) {
    return writeSpns(this.log, this.nameKey, command, 'add');
  }
}

@CommandHandler(ReplaceSpns)
export class ReplaceSpnsHandler implements ICommandHandler<ReplaceSpns> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
  ) {}

  execute(command: ReplaceSpns) {
    return writeSpns(this.log, this.nameKey, command, 'replace');
  }
}

@CommandHandler(RemoveSpns)
export class RemoveSpnsHandler implements ICommandHandler<RemoveSpns> {
  constructor(
    private readonly log: DirectoryLog,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
  ) {}

  execute(command: RemoveSpns) {
    return writeSpns(this.log, this.nameKey, command, 'delete');
  }
}

function writeSpns(
  log: DirectoryLog,
  nameKey: NameKey,
  command: RegisterSpns | ReplaceSpns | RemoveSpns,
  operation: SpnOperation,
): Promise<Replied<SpnWriteReply>> {
  const { account, spns } = command;
  checkAsked(spns);
  return log.record(command, async (load) => {
    const state = await loadAccount(load, account);
    if (!state || state.deleted) {
      const decision = refuseUnknownAccount(account, state, { operation, asked: spns });
      const stream = state ? accountStream(account) : DIRECTORY_OPERATIONS;
      const write: DirectoryWrite = { stream, events: decision.events, expected: 'any' };
      return { writes: [write], reply: spnWriteReply(account, decision) };
    }
    const forest = await requireForest(load, state.forest);
    const write = planSpnWrite(operation, state, spns);
    const rivals = await loadRivals(load, nameKey, forest.forest, write.add);
    const decision = decideSpnWrite({ caller: command.request.caller, forest, account: state, rivals }, write);
    const writes = await spnDecisionWrites(load, state, decision);
    return { writes, reply: spnWriteReply(account, decision) };
  });
}

/** The account's stream and, of an accepted write, the streams of its names. */
export async function spnDecisionWrites(
  load: Load,
  state: AccountState,
  decision: SpnDecision,
): Promise<[DirectoryWrite, ...DirectoryWrite[]]> {
  const account: DirectoryWrite = { stream: accountStream(state.account), events: decision.events };
  if (decision.outcome === 'refused') return [account];
  const registered = decision.registered.map(({ spn }) => spn);
  const names = spnNameWrites(state, decision.removed, registered);
  await Promise.all(names.map(({ stream }) => loadHoldings(load, stream)));
  return [account, ...names];
}

export function spnWriteReply(account: string, decision: SpnDecision): SpnWriteReply {
  if (decision.outcome === 'refused') return { outcome: 'refused', account, ...decision.refusal };
  const { registered, removed } = decision;
  const conflicts = registered.filter(({ conflicts }) => conflicts.length > 0).slice(0, CONFLICTS_TOLD_MAX);
  return {
    outcome: 'accepted',
    account,
    registered: registered.map(({ spn }) => spn),
    removed,
    conflicts: conflicts.map(({ spn, conflicts }) => ({ spn, holders: conflicts })),
  };
}
