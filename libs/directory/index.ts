export {
  forestEvents,
  forestPolicy,
  ruleProfileName,
  type ForestEvent,
  type ForestPolicy,
  type RuleProfileName,
} from './forest/forest.events.js';
export {
  accountEvents,
  accountKind,
  holder,
  type AccountEvent,
  type AccountKind,
  type Holder,
} from './account/account.events.js';
export { nameEvents, type NameEvent } from './name/name.events.js';
export { observedEvents, type ObservedDirectoryEvent } from './observed/observed.events.js';
export { directoryEvents } from './directory.events.js';
export { DirectoryRefusal, type DirectoryRefusalCode, type RefusalKind } from './directory-refusal.error.js';
export { defaultPolicy, type ForestDomain, type ForestState } from './forest/forest.decider.js';
export type { AccountState } from './account/account-state.js';
export type { Holding, SpnHolding, SpnLookup } from './name/name.decider.js';
export {
  accountStream,
  forestStream,
  loadAccount,
  loadForest,
  lookupClientByPrincipal,
  lookupSpn,
  type PrincipalLookup,
} from './load.js';
export { loadKeyEncryptionKeyFile, readKeyEncryptionKey, type KeyEncryptionKey } from './secret/key-encryption-key.js';
export { KeyEncryptionKeyInvalid, KeyUnwrapFailed, KeyVersionContended } from './secret/key.error.js';
export { createNameKey, NAME_KEY, readNameKey, type NameKey } from './secret/name-key.js';
export { createKeyStore, KEY_STORE, type AccountKeys, type KeyStore, type KeyVersion } from './secret/key-store.js';
export { createSubjectKeys, type ErasableSubjectKeys, type SubjectKeysOptions } from './secret/subject-keys.js';
export { sweepKeys, type SweptKeys } from './secret/sweep-keys.js';
export {
  ruleProfiles,
  spnChecks,
  upnUniqueness,
  type Cell,
  type RefusalCode,
  type SpnCheck,
} from './spn/rule-profiles.js';
export type { Administered, Caller, CommandRequest, WriterKind } from './caller.js';
export { AddDomain, ChangePolicy, CreateForest, type ForestReply } from './forest/forest.commands.js';
export {
  CreateAccount,
  DeleteAccount,
  DisableAccount,
  EnableAccount,
  RenameAccount,
  SetPassword,
  type AccountDetails,
  type AccountReply,
  type KeysReply,
} from './account/account.commands.js';
export type { NameChanges } from './account/account.decider.js';
export { RegisterSpns, RemoveSpns, ReplaceSpns, type SpnWriteReply } from './spn/spn-write.commands.js';
export {
  recordCommand,
  type CommandDecision,
  type CommandWrite,
  type DecidedEvent,
  type LogPorts,
  type Recorded,
  type Replied,
} from './record-command.js';
export { DirectoryModule } from './directory.module.js';
