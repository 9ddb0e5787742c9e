/** The relay: every event of the log to Kafka, in order, as a CloudEvent. */
export { type AsyncApiDocument, asyncApiDocument } from './asyncapi.js';
export { MessageInvalid, type RelayedRecord, relayedRecord, storedEvent } from './cloud-event.js';
export { startRelay, type Relay, type RelayOptions } from './relay.js';
export { publishedTails, relayProgress, type RelayProgress } from './relay-progress.js';
export { EVENTS_TOPIC } from './topic.js';
export { readEpochs, readTails, type RelayEpoch } from './topic-epoch.js';
