/** The command on keys. Refused with OperationRefusal. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';

/** For the operator's backup: `key` is base64, told once per request and kept nowhere; the event holds the fingerprint. */
export class ExportKeyEncryptionKey extends Command<Replied<{ readonly fingerprint: string; readonly key: string }>> {
  constructor(readonly request: CommandRequest) {
    super();
  }
}
