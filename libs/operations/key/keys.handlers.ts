/** Handler of the key export, and what `doctor` asks about it. */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { KeyEncryptionKey } from '#directory';
import type { EventStore } from '#event-store';
import { givenOnce, KEYS_STREAM, OperationLog, operationsOf } from '../operation-log.js';
import { ExportKeyEncryptionKey } from './keys.commands.js';
import { exportKey, foldKeys } from './keys.decider.js';

export const KEY_ENCRYPTION_KEY = Symbol('KEY_ENCRYPTION_KEY');

@CommandHandler(ExportKeyEncryptionKey)
export class ExportKeyEncryptionKeyHandler implements ICommandHandler<ExportKeyEncryptionKey> {
  constructor(
    private readonly log: OperationLog,
    @Inject(KEY_ENCRYPTION_KEY) private readonly kek: KeyEncryptionKey,
  ) {}

  async execute(command: ExportKeyEncryptionKey) {
    const { fingerprint } = this.kek;
    const { status, replied } = await this.log.record(command, async () => ({
      writes: [{ stream: KEYS_STREAM, events: exportKey(fingerprint), expected: 'any' }],
      reply: { fingerprint },
    }));
    if (status === 'duplicate') throw givenOnce(command.request, 'ask again under a new request id');
    return { ...replied, key: this.kek.export() };
  }
}

/** Whether this key was ever exported: until then, losing the server's disk loses every account's keys. */
export async function isKeyExported(store: EventStore, { fingerprint }: KeyEncryptionKey): Promise<boolean> {
  const keys = foldKeys(await operationsOf((stream) => store.readStream(stream), KEYS_STREAM));
  return keys.exportedFingerprints.includes(fingerprint);
}
