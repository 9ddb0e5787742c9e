export { operationEvents, role, scope, type OperationEvent, type Role, type Scope } from './operation.events.js';
export { OperationRefusal, type OperationRefusalCode } from './operation-refusal.error.js';
export { KEYS_STREAM, importStream, sourceStream, tokenStream } from './operation-log.js';
export { CreateToken, RevokeToken } from './token/token.commands.js';
export type { NewToken } from './token/token.decider.js';
export { authenticate, type Access } from './token/authenticate.js';
export { ExportKeyEncryptionKey } from './key/keys.commands.js';
export { isKeyExported, KEY_ENCRYPTION_KEY } from './key/keys.handlers.js';
export { establishNameKey } from './key/establish-name-key.js';
export { NameKeyMismatch, NameKeyMissing } from './key/name-key.error.js';
export { recordImportEnd, recordImportStart, recordSourceBinding } from './import/record-import.js';
export type { ImportEnd, ImportStart, SourceBinding } from './import/import.decider.js';
export { recordAttestation, recordRebuild, type Attestation, type Rebuild } from './rebuild/record-rebuild.js';
export {
  archivePartitions,
  retirementAt,
  partitionsDue,
  retirePartitions,
  type Archived,
  type ArchivePorts,
  type Before,
} from './archive/archive-log.js';
export { RecordBackup } from './backup/backup.commands.js';
export { backupTaken, type TakenBackup } from './backup/backup.events.js';
export { RotateCheckpointKey } from './evidence/evidence.commands.js';
export { CHECKPOINT_SEEDS, type CheckpointSeeds } from './evidence/evidence.handlers.js';
export { checkpointKeys, establishCheckpointOrigin, recordWitness } from './evidence/record-evidence.js';
export { RetryDeadLetter, SkipEvent } from './dead-letter/dead-letter.commands.js';
export {
  closeDeadLetter,
  deadLetterStatus,
  letterKinds,
  lettersToRetry,
  letterStatuses,
  listDeadLetters,
  openDeadLetter,
  unsettledLetters,
  type DeadLetter,
  type LetterStatus,
  type NewDeadLetter,
} from './dead-letter/dead-letters.js';
export { skippedPositions } from './dead-letter/skips.js';
export type { Erasure } from './person/person.decider.js';
export { readErasures, recordErasure, recordErasureFinished, type ErasureAsked } from './person/record-erasure.js';
export { OperationsModule } from './operations.module.js';
