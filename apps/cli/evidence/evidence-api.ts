/** /v1/evidence as the command line asks it. What comes back is claimed, until tlog has verified it. */
import {
  type EvidenceBundle,
  NoteInvalid,
  openCheckpoint,
  parseVerifierKey,
  type Selection,
  type Verifier,
} from '#tlog';
import type { Client } from '../client.js';
import { ServerProblem } from '../problem.js';
import type { Page } from '../output.js';
import type { SignedRoot } from './tree-check.js';

export type EvidenceStatus = {
  readonly state: string;
  readonly origin: string;
  readonly size: number;
  readonly head: number;
  readonly signedAt: string | null;
  readonly witness: string;
  /** Rows behind the head, which no append has made. */
  readonly beyondHead: number;
  readonly trouble?: string;
  readonly refusal?: { readonly reason: string; readonly detail: string };
};

export type KeyRow = {
  readonly number: number;
  readonly verifierKey: string;
  readonly from: string;
  readonly until: string | null;
};

export function evidenceStatus(client: Client): Promise<EvidenceStatus> {
  return client.get('/v1/evidence/status', { after: undefined });
}

/** The newest signed note, or the newest of a tree of at most this size; undefined when there is none. */
export async function signedNote(client: Client, size?: number): Promise<string | undefined> {
  try {
    return (await client.bytes('/v1/evidence/checkpoint', { size })).toString('utf8');
  } catch (error) {
    if (error instanceof ServerProblem && error.problem.status === 404) return undefined;
    throw error;
  }
}

export async function claimedKeys(client: Client): Promise<readonly KeyRow[]> {
  return (await client.get<{ rows: readonly KeyRow[] }>('/v1/evidence/keys', { after: undefined })).rows;
}

export type RotatedKey = { readonly verifierKey: string; readonly previousUntil: string; readonly position: number };

export function rotateKey(client: Client, overlapDays?: number): Promise<RotatedKey> {
  return client.command('POST', '/v1/evidence/keys/rotate', { overlapDays });
}

export function requestBundle(client: Client, selection: Selection): Promise<EvidenceBundle> {
  const { kind: _, ...asked } = selection;
  return client.command('POST', '/v1/evidence/bundle', asked);
}

/** Roots signed before, as far as the server has kept them and one of these keys has signed them. */
export function olderRoots(client: Client, trusted: readonly Verifier[]) {
  return async (size: number): Promise<SignedRoot | undefined> => {
    const note = await signedNote(client, size);
    if (note === undefined) return undefined;
    try {
      const { checkpoint } = openCheckpoint(note, trusted);
      return { ...checkpoint, name: `the checkpoint signed over ${checkpoint.size} events` };
    } catch (error) {
      if (error instanceof NoteInvalid) return undefined;
      throw error;
    }
  };
}

/** Where the log has events of this type: as the server says. */
export async function positionsOf(client: Client, type: string): Promise<number[]> {
  const page = await client.get<Page<{ readonly position: number }>>('/v1/events', { type, limit: 1_000 });
  return page.rows.map(({ position }) => position);
}

export function verifiersOf(rows: readonly KeyRow[]): Verifier[] {
  return rows.map(({ verifierKey }) => parseVerifierKey(verifierKey));
}
