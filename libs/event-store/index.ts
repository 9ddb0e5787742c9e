/** The event log: append, read, transact, subscribe; events, their catalogues, ids and instants. */
export { Batch } from './batch.js';
export { canonicalJson, NotCanonical } from './canonical-json.js';
export { type Catalogue, defineEvent, type EventDefinition, type EventsOf, type Upcaster } from './catalogue.js';
export { type Clock, createSystemClock, type Random, systemRandom } from './clock.js';
export {
  type Json,
  type JsonObject,
  type Metadata,
  type NewEvent,
  type RecordedEvent,
  type SourceRef,
  streamCategory,
  streamName,
} from './event.js';
export { leafHash, type WrittenEvent, writtenEvent } from './event-body.js';
export { newEventId, observedEventId } from './event-id.js';
export {
  EventRejected,
  LogBusy,
  LogUnavailable,
  NewerSchemaVersion,
  RequestIdReused,
  StreamTooLong,
  SubscriptionFenced,
  WrongExpectedVersion,
} from './event-store.error.js';
export type {
  AppendItem,
  AppendResult,
  Committed,
  EventStore,
  ExpectedVersion,
  Guard,
  LeafRecord,
  LogRange,
  ReplayOptions,
  StreamWrite,
} from './event-store.js';
export type { LogRecord } from './event-decoder.js';
export { compareInstants, InvalidInstant, instantToNanos, isIndexable, nanosToInstant } from './instant.js';
export { type CheckpointKey, readCheckpoint, tryLock, waitForCheckpoint } from './checkpoint.js';
export { mayPass } from './may-pass.js';
export { createEventStore, type EventStoreOptions } from './postgres-event-store.js';
export { RECENT_EVENTS_LIFE_MS } from './recent-events.js';
export { requestDigest } from './request-digest.js';
export {
  type Positioned,
  type Subscription,
  type SubscriptionMode,
  type SubscriptionOptions,
  type SubscriptionState,
  subscribe,
} from './subscription.js';
export {
  ACCOUNT,
  endpointOf,
  of,
  PERSON,
  type PersonalField,
  saidOf,
  sealingBytesMax,
  SERVICE,
  type Subject,
} from './sealing/personal-field.js';
export { BoxDamaged, SUBJECT_KEY_BYTES, SubjectKey } from './sealing/subject-key.js';
export type { SubjectKeys } from './sealing/subject-keys.js';
export { sealSegments, type SealOptions } from './segment/seal.js';
export {
  detachedPartitionAt,
  detachPartition,
  listPartitions,
  removeReplaced,
  replaceSegments,
  verifyPartition,
  withholdBodies,
  type Partition,
} from './segment/partition.js';
export { EventsWithheld, SegmentAltered, SegmentMismatch, SegmentMissing } from './segment/segment.error.js';
export { CLOCK, EVENT_STORE, RANDOM } from './tokens.js';
export { type DecidedWrite, type Decision, type Load, type Request, transact } from './transact.js';
