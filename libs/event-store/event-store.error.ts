/** What the log and its users throw. `code` is stable; the message says what to do next; `cause` is kept. */

/** The append queue is full: nothing of this call was written. */
export class LogBusy extends Error {
  readonly code = 'ES_LOG_BUSY';
  constructor(readonly retryAfterMs: number) {
    super(`the event log's append queue is full: ask again in ${retryAfterMs} ms`);
  }
}

/** The database cannot be reached, or the answer to an append was lost: whether it was written is then unknown. */
export class LogUnavailable extends Error {
  readonly code = 'ES_LOG_UNAVAILABLE';
  constructor(operation: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the event log cannot ${operation} (${reason}): ask again; with the same id, an append is never done twice`, {
      cause,
    });
  }
}

/**
 * This item can never be stored. Found before anything was sent, so nothing of the same call was written; only what
 * PostgreSQL itself refuses is found later, and then the call's other items were judged on their own.
 */
export class EventRejected extends Error {
  readonly code = 'ES_EVENT_REJECTED';
  constructor(
    readonly itemId: string,
    reason: string,
    cause?: unknown,
  ) {
    super(`append item ${itemId} cannot be stored: ${reason}`, { cause });
  }
}

export class StreamTooLong extends Error {
  readonly code = 'ES_STREAM_TOO_LONG';
  constructor(stream: string, limit: number) {
    super(
      `stream ${stream} has more than ${limit} events to read: read it in parts with fromVersion, or raise the limit`,
    );
  }
}

/** An event was written by a newer program than this one. */
export class NewerSchemaVersion extends Error {
  readonly code = 'ES_NEWER_SCHEMA_VERSION';
  constructor(type: string, written: number, known: number, position: number) {
    super(
      `event ${position} is ${type} version ${written}, this program knows versions up to ${known}: upgrade the program`,
    );
  }
}

/** Another writer was faster, as often as `transact` was willing to decide again. */
export class WrongExpectedVersion extends Error {
  readonly code = 'ES_WRONG_EXPECTED_VERSION';
  constructor(
    readonly stream: string,
    readonly expected: number,
    readonly actual: number,
  ) {
    super(
      `stream ${stream} is at version ${actual}, the decision was made at ${expected}: read it again and decide again`,
    );
  }
}

/** The id of an earlier request came with another content. */
export class RequestIdReused extends Error {
  readonly code = 'ES_REQUEST_ID_REUSED';
  constructor(readonly id: string) {
    super(`request id ${id} was used before, for another request: use a new id`);
  }
}

/** Another process has moved a subscription's checkpoint or counted up its epoch: what this one was writing is rolled back. */
export class SubscriptionFenced extends Error {
  readonly code = 'ES_SUBSCRIPTION_FENCED';
  constructor(name: string) {
    super(`subscription ${name} was taken over or rebuilt elsewhere: this process waits for its next turn`);
  }
}
