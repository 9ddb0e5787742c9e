/** Handler of the key rotation. */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { EVIDENCE_STREAM, OperationLog, operationsOf } from '../operation-log.js';
import { RotateCheckpointKey } from './evidence.commands.js';
import { foldEvidence, rotateCheckpointKey } from './evidence.decider.js';

export const CHECKPOINT_SEEDS = Symbol('CHECKPOINT_SEEDS');

/** Where the secret halves of checkpoint keys are made and kept. */
export interface CheckpointSeeds {
  /** The verifier key of the seed of this number, which is made if there is none. */
  establish(origin: string, key: number): Promise<string>;
}

@CommandHandler(RotateCheckpointKey)
export class RotateCheckpointKeyHandler implements ICommandHandler<RotateCheckpointKey> {
  constructor(
    private readonly log: OperationLog,
    @Inject(CHECKPOINT_SEEDS) private readonly seeds: CheckpointSeeds,
  ) {}

  async execute(command: RotateCheckpointKey) {
    const { overlapDays } = command;
    const { replied } = await this.log.record(command, async (load, now) => {
      const { origin, keys } = foldEvidence(await operationsOf(load, EVIDENCE_STREAM));
      if (origin === null) throw new Error('a checkpoint key is rotated before the first was established at the start');
      const key = keys.length + 1;
      const verifierKey = await this.seeds.establish(origin, key);
      const rotated = rotateCheckpointKey({ key, verifierKey }, { now, overlapDays });
      const { previousUntil } = rotated.data;
      return { writes: [{ stream: EVIDENCE_STREAM, events: [rotated] }], reply: { key, verifierKey, previousUntil } };
    });
    return replied;
  }
}
