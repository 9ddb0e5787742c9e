/** What is wrong with a segment's file. Nothing of it is read then: a log is not read with holes. */
import { basename } from 'node:path';

export class SegmentMissing extends Error {
  readonly code = 'ES_SEGMENT_MISSING';
  /** `path` null: no segment is known that should have it. */
  constructor(what: string, path: string | null, cause?: unknown) {
    super(
      path === null
        ? `${what} is in no attached partition and in no sealed segment: restore the database, or attach the partition again`
        : `${what} is in ${basename(path)}, which is not in the folder of segments: put the file back from its copy, or set KERBTRAIL_SEGMENTS to the folder that holds it`,
      { cause },
    );
  }
}

export class SegmentAltered extends Error {
  readonly code = 'ES_SEGMENT_ALTERED';
  constructor(path: string, what: string, cause?: unknown) {
    super(
      `${basename(path)} is not the file that was sealed: ${what}. Put it back from its copy; while its partition is attached (kerbtrail archive --dry-run tells), it may also be deleted`,
      { cause },
    );
  }
}

/** Some events of a stream were given up by retention: what is left must not be taken for the stream. */
export class EventsWithheld extends Error {
  readonly code = 'ES_EVENTS_WITHHELD';
  constructor(stream: string, version: number, position: number) {
    super(
      `version ${version} of ${stream} (position ${position}) was given up by retention: the stream cannot be read before it`,
    );
  }
}

/** The tree commits to another event at this position: somebody has changed the table, or the tiles. */
export class SegmentMismatch extends Error {
  readonly code = 'ES_SEGMENT_MISMATCH';
  constructor(position: number) {
    super(
      `the event at position ${position} is not the one that the evidence log commits to: run "kerbtrail verify"; nothing is sealed or detached from here on`,
    );
  }
}

/** Partitions belong to the migration role. */
export class PartitionNotYours extends Error {
  readonly code = 'ES_PARTITION_NOT_YOURS';
  constructor(cause: unknown) {
    super(
      'partitions of the log are detached and retired by the migration role alone: set KERBTRAIL_MIGRATION_URL of the server to a URL that logs in as it, and run the command again',
      { cause },
    );
  }
}

export class PartitionInUse extends Error {
  readonly code = 'ES_PARTITION_IN_USE';
  constructor(first: number, cause: unknown) {
    super(
      `readers held the partition from position ${first} too long to detach it: nothing was changed; run the command again`,
      { cause },
    );
  }
}
