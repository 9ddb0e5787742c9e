/**
 * What this data folder trusts of a log: the keys that sign its checkpoints, taken on first use or given by hand, and the last
 * checkpoint that verified. Kept in `trusted-logs.json`, beside local.json, by the place of the server: a log that comes back with
 * another origin is a changed one, not a new one.
 */
import { type Checkpoint, NoteInvalid, openCheckpoint, parseVerifierKey, type Verifier } from '#tlog';
import { join } from 'node:path';
import { CliError, EXIT, usageError } from '../cli.error.js';
import { type Folder, readPrivateFile, writePrivateFile } from '../folder.js';

export type LogTrust = {
  /** Verifier keys that may sign checkpoints from here on. */
  readonly keys: readonly string[];
  /** Keys that have been rotated away: they still verify what they signed, in bundles, but no new checkpoint. */
  readonly formerKeys: readonly string[];
  readonly trustedSince: string;
  /** The last checkpoint that verified, as the signed note that it was. */
  readonly checkpoint: string;
  readonly seenAt: string;
};

export type TrustedCheckpoint = Checkpoint & {
  readonly note: string;
  readonly signedBy: readonly Verifier[];
  /** No key was trusted before: what signed is taken at its word this once. */
  readonly isFirstUse: boolean;
};

type TrustFile = { readonly [place: string]: LogTrust };

export function readTrust(folder: Folder, place: string): LogTrust | undefined {
  return trustedLogs(folder)[place];
}

export function keepTrust(folder: Folder, place: string, trust: LogTrust): void {
  writePrivateFile(folder, trustFile(folder), { ...trustedLogs(folder), [place]: trust });
}

/** The last checkpoint that verified here. */
export function seenCheckpoint({ checkpoint, keys, formerKeys }: LogTrust): Checkpoint {
  return openCheckpoint(checkpoint, [...keys, ...formerKeys].map(parseVerifierKey)).checkpoint;
}

/** Every key that was ever trusted here, for what was signed in the past. */
export function everTrusted(folder: Folder): Verifier[] {
  const keys = Object.values(trustedLogs(folder)).flatMap(({ keys, formerKeys }) => [...keys, ...formerKeys]);
  return [...new Set(keys)].map(parseVerifierKey);
}

export function readVerifierKey(text: string): Verifier {
  try {
    return parseVerifierKey(text.trim());
  } catch (cause) {
    throw usageError(
      `--key is no verifier key: ${(cause as Error).message}`,
      'give the line that `kerbtrail evidence keys` prints for the key, such as kerbtrail.example/log+0123abcd+AQ…',
    );
  }
}

/** What this folder has to judge a checkpoint by. */
export type Judge = {
  /** Empty: what the log offers is taken at its word, this once. */
  readonly trusted: readonly Verifier[];
  /** The keys that the log says it has. */
  readonly offered: readonly Verifier[];
  readonly former: readonly Verifier[];
  /** Size of the last checkpoint that verified here; 0 for none. */
  readonly seenSize: number;
};

/**
 * The newest checkpoint as its signature shows it. One of a former key is opened only when it is older than what was seen: then the
 * log was restored, and verify-log.ts says from where on. Throws CliError.
 */
export function openTrusted(note: string, judge: Judge): TrustedCheckpoint {
  const { trusted, offered, former, seenSize } = judge;
  const isFirstUse = trusted.length === 0;
  try {
    return { ...open(note, isFirstUse ? offered : trusted), isFirstUse };
  } catch (cause) {
    if (!(cause instanceof NoteInvalid)) throw cause;
    const older = openIfSigned(note, former);
    if (older && older.size < seenSize) return { ...older, isFirstUse };
    if (cause.code === 'TLOG_NOTE_UNVERIFIED' && !isFirstUse) throw keyChanged(trusted, cause);
    throw new CliError(EXIT.findings, 'CHECKPOINT_INVALID', `the checkpoint cannot be trusted: ${cause.message}`, {
      next: 'ask the operator for the checkpoint of another time, and keep this one: kerbtrail evidence checkpoint',
      cause,
    });
  }
}

type Opened = Omit<TrustedCheckpoint, 'isFirstUse'>;

function open(note: string, verifiers: readonly Verifier[]): Opened {
  const { checkpoint, verifiedBy } = openCheckpoint(note, verifiers);
  return { ...checkpoint, note, signedBy: verifiedBy };
}

/** Undefined when none of the keys has signed it. */
export function openIfSigned(note: string, verifiers: readonly Verifier[]): Opened | undefined {
  try {
    return open(note, verifiers);
  } catch (error) {
    if (error instanceof NoteInvalid) return undefined;
    throw error;
  }
}

function keyChanged(trusted: readonly Verifier[], cause: NoteInvalid): CliError {
  const known = trusted.map(({ name, keyId }) => `"${name}" (key ${keyId.toString('hex')})`).join(', ');
  return new CliError(
    EXIT.findings,
    'LOG_KEY_CHANGED',
    `the checkpoint is not signed by the key that is trusted here: trusted is ${known}; ${cause.message.replace(/^none of the \d+ known keys? has signed; /, '')}`,
    {
      next:
        'ask the operator, by another way than this server, whether the key was rotated. If so, verify with the key that you are told: ' +
        'kerbtrail verify --key KEY. If not, this is not the log that was trusted, or somebody else signs for it',
      cause,
    },
  );
}

/** Of every log that was verified here, by its place. */
export function trustedLogs(folder: Folder): TrustFile {
  return readPrivateFile<TrustFile>(trustFile(folder)) ?? {};
}

function trustFile(folder: Folder): string {
  return join(folder.path, 'trusted-logs.json');
}
