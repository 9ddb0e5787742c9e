/**
 * The operators' command handlers. Whoever imports this gives the ports EVENT_STORE, CLOCK, RANDOM (#event-store), NAME_KEY
 * (#directory), KEY_ENCRYPTION_KEY, CHECKPOINT_SEEDS and pg's Pool, from a global module.
 */
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { RecordBackupHandler } from './backup/backup.handlers.js';
import { LetterLock, RetryDeadLetterHandler, SkipEventHandler } from './dead-letter/dead-letter.handlers.js';
import { RotateCheckpointKeyHandler } from './evidence/evidence.handlers.js';
import { ExportKeyEncryptionKeyHandler } from './key/keys.handlers.js';
import { OperationLog } from './operation-log.js';
import { CreateTokenHandler, RevokeTokenHandler } from './token/token.handlers.js';

@Module({
  imports: [CqrsModule],
  providers: [
    OperationLog,
    CreateTokenHandler,
    RevokeTokenHandler,
    ExportKeyEncryptionKeyHandler,
    RecordBackupHandler,
    RotateCheckpointKeyHandler,
    LetterLock,
    RetryDeadLetterHandler,
    SkipEventHandler,
  ],
})
export class OperationsModule {}
