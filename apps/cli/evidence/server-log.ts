/** The log of a server as this data folder knows it: its newest checkpoint by the keys trusted here, and what is trusted after it. */
import { parseVerifierKey, type Verifier, verifyEvidenceBundle } from '#tlog';
import { CliError, EXIT } from '../cli.error.js';
import type { Client } from '../client.js';
import type { Session } from '../session.js';
import { claimedKeys, requestBundle, signedNote, verifiersOf } from './evidence-api.js';
import { readEvent } from './events-of-tile.js';
import { type LogSource, serverSource } from './log-source.js';
import {
  keepTrust,
  type LogTrust,
  openIfSigned,
  openTrusted,
  readTrust,
  readVerifierKey,
  seenCheckpoint,
  type TrustedCheckpoint,
} from './trust.js';

export type ServerLog = {
  readonly place: string;
  readonly trust: LogTrust | undefined;
  /** What the server says its keys are. */
  readonly offered: readonly Verifier[];
  /** That have verified the checkpoint. */
  readonly keys: readonly Verifier[];
  readonly checkpoint: TrustedCheckpoint;
  readonly source: LogSource;
};

/** By which its trust is kept. */
export function placeOf({ terminal }: Session): string {
  return terminal.env['KERBTRAIL_URL'] ?? 'data folder';
}

export async function openServerLog(session: Session, key?: string): Promise<ServerLog> {
  const { client, folder } = session;
  const place = placeOf(session);
  const trust = readTrust(folder, place);
  const offered = verifiersOf(await claimedKeys(client));
  const trusted = trustedKeys(trust, key);
  const former = trust?.formerKeys.map(parseVerifierKey) ?? [];
  const seenSize = trust ? seenCheckpoint(trust).size : 0;
  const checkpoint = openTrusted(await newestNote(session), { trusted, offered, former, seenSize });
  const keys = trusted.length > 0 ? trusted : checkpoint.signedBy;
  return { place, trust, offered, keys, checkpoint, source: serverSource(client) };
}

/** Of a tree of at most `size` events, where that is given. */
export async function newestNote({ client }: Pick<Session, 'client'>, size?: number): Promise<string> {
  const note = await signedNote(client, size);
  if (note !== undefined) return note;
  const which = size === undefined ? 'signed checkpoint yet' : `signed checkpoint over at most ${size} events`;
  throw new CliError(EXIT.findings, 'EVIDENCE_NONE', `the log has no ${which}`, {
    next: 'ask again in a moment; kerbtrail evidence status says what it is doing',
  });
}

function trustedKeys(trust: LogTrust | undefined, given: string | undefined): Verifier[] {
  if (given !== undefined) return [readVerifierKey(given)];
  return trust?.keys.map(parseVerifierKey) ?? [];
}

/**
 * The checkpoint, and who may sign the next one: the keys that have signed this one and that were trusted, or that the log
 * names in an event which a trusted key stands for. A second signature alone would prove nothing: anyone can add one to a note.
 */
export async function remember({ client, folder }: Session, log: ServerLog): Promise<string[]> {
  const { place, trust, checkpoint, keys, offered } = log;
  const signed = offered.filter((key) => !isAmong(keys, key) && openIfSigned(checkpoint.note, [key]));
  const named = signed.length > 0 ? await keysNamedByLog(client, keys) : [];
  const learned = signed.map(({ verifierKey }) => verifierKey).filter((key) => named.includes(key));
  const trusted = keys.filter((key) => isAmong(checkpoint.signedBy, key)).map(({ verifierKey }) => verifierKey);
  const current = [...trusted, ...learned];
  const known = new Set([...(trust?.keys ?? []), ...(trust?.formerKeys ?? [])]);
  const now = new Date().toISOString();
  keepTrust(folder, place, {
    keys: current,
    formerKeys: [...known].filter((key) => !current.includes(key)),
    trustedSince: trust?.trustedSince ?? now,
    checkpoint: checkpoint.note,
    seenAt: now,
  });
  return learned;
}

/** In the log's own stream about its keys, proven whole by keys that are trusted. */
async function keysNamedByLog(client: Client, trusted: readonly Verifier[]): Promise<string[]> {
  const bundle = await requestBundle(client, { kind: 'stream', stream: 'operation-evidence' });
  if (verifyEvidenceBundle(bundle, trusted).fault) return [];
  const events = bundle.entries.map(({ body }) => body && readEvent(Buffer.from(body)));
  return events.flatMap((event) => {
    const key = event && event.type === 'CheckpointKeyRotated' ? event.data['verifierKey'] : undefined;
    return typeof key === 'string' ? [key] : [];
  });
}

function isAmong(keys: readonly Verifier[], { verifierKey }: Verifier): boolean {
  return keys.some((key) => key.verifierKey === verifierKey);
}
