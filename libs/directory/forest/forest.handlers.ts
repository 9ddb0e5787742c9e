/** Handlers of the commands on forests: load, decide (forest.decider.ts), record. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { administersForest, demand } from '../caller.js';
import { DirectoryLog } from '../directory-log.js';
import { forestStream, loadDomainForest, loadForest, requireForest } from '../load.js';
import { domainStream } from '../name/name-streams.js';
import { AddDomain, ChangePolicy, CreateForest } from './forest.commands.js';
import { addDomain, changePolicy, createForest, dnsName } from './forest.decider.js';

@CommandHandler(CreateForest)
export class CreateForestHandler implements ICommandHandler<CreateForest> {
  constructor(private readonly log: DirectoryLog) {}

  async execute(command: CreateForest) {
    const forest = dnsName(command.name);
    demand(administersForest(command.request.caller, forest), command.request.caller, `forest ${forest}`);
    return this.log.record(command, async (load) => {
      const [existing, domainForest] = await Promise.all([loadForest(load, forest), loadDomainForest(load, forest)]);
      const events = createForest({ existing, domainForest }, command);
      const taken = { type: 'DomainNameTaken', data: { forest } } as const;
      return {
        writes: [
          { stream: forestStream(forest), events },
          { stream: domainStream(forest), events: [taken] },
        ],
        reply: { forest },
      };
    });
  }
}

@CommandHandler(AddDomain)
export class AddDomainHandler implements ICommandHandler<AddDomain> {
  constructor(private readonly log: DirectoryLog) {}

  async execute(command: AddDomain) {
    const domain = dnsName(command.domain);
    return this.log.record(command, async (load) => {
      const state = await requireForest(load, command.forest);
      demand(administersForest(command.request.caller, state.forest), command.request.caller, `forest ${state.forest}`);
      const events = addDomain({ state, domainForest: await loadDomainForest(load, domain) }, command);
      const taken = { type: 'DomainNameTaken', data: { forest: state.forest } } as const;
      return {
        writes: [
          { stream: forestStream(state.forest), events },
          { stream: domainStream(domain), events: [taken] },
        ],
        reply: { forest: state.forest, domain },
      };
    });
  }
}

@CommandHandler(ChangePolicy)
export class ChangePolicyHandler implements ICommandHandler<ChangePolicy> {
  constructor(private readonly log: DirectoryLog) {}

  async execute(command: ChangePolicy) {
    return this.log.record(command, async (load) => {
      const state = await requireForest(load, command.forest);
      demand(administersForest(command.request.caller, state.forest), command.request.caller, `forest ${state.forest}`);
      const events = changePolicy(state, command.policy);
      return { writes: [{ stream: forestStream(state.forest), events }], reply: { forest: state.forest } };
    });
  }
}
