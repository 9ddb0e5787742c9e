/** What can keep a projection that is fed from Kafka from going on. */

/** An event cannot be applied, also not alone. It was rolled back; the projection stands before it in its partition. */
export class EventPoisoned extends Error {
  readonly code = 'PROJ_EVENT_POISONED';
  constructor(
    projection: string,
    readonly position: number,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`projection ${projection} cannot apply event ${position}: ${reason}`, { cause });
  }
}

/** The relay publishes before it commits what it published, so this passes. */
export class EpochUnknown extends Error {
  readonly code = 'PROJ_EPOCH_UNKNOWN';
  readonly mayPass = true;
  constructor(epoch: number) {
    super(`the relay has not committed epoch ${epoch} yet: tried again`);
  }
}

/** The transaction was rolled back, or its outcome stands in the place. */
export class ConnectionLost extends Error {
  readonly code = 'PROJ_CONNECTION_LOST';
  readonly mayPass = true;
  constructor(cause: unknown) {
    super(`the connection to the database was lost: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** Tried again, for the case that it is the log which is behind; nothing of the topic is applied until then. */
export class TopicAheadOfLog extends Error {
  readonly code = 'PROJ_TOPIC_AHEAD_OF_LOG';
  readonly mayPass = true;
  constructor(position: number, head: number) {
    super(
      `the topic names event ${position} and the log ends at ${head}: the log was restored to an older state, or the topic is another log's (docs/operations/distributed.md says what to do)`,
    );
  }
}

/** Nothing more of this partition is applied until an operator has decided. */
export class PartitionStopped extends Error {
  readonly code = 'PROJ_PARTITION_STOPPED';
  readonly retryAfterMs = 1_000;
  constructor(partition: number, cause: EventPoisoned) {
    super(`partition ${partition} stands still: ${cause.message}`, { cause });
  }
}
