/**
 * A read model built anew on an operator's word, and the event that says so. Verified, it is published only if all that it was
 * built from is what the newest checkpoint was signed over; the event is then an attestation.
 */
import { createReplayVerifier, type Evidence, EvidenceBehind } from '#evidence';
import { type LogPorts } from '#directory';
import { recordAttestation, recordRebuild } from '#operations';
import { rebuild, type Projection, type RebuildOptions } from '#projections';
import type { Pool } from 'pg';

const SIGNED_WAIT_MS = 5_000;

export type RebuildParts = { readonly ports: LogPorts; readonly pool: Pool; readonly evidence: Evidence };

export type RebuildRequest = {
  readonly projection: Projection;
  readonly verified: boolean;
  readonly actor: string;
  readonly onProgress: NonNullable<RebuildOptions['onProgress']>;
};

/** `position`: of the event; `rebuiltTo`: what the digest, and the attestation, speaks of. */
export type FinishedRebuild = {
  readonly projection: string;
  readonly version: number;
  readonly rebuiltTo: number;
  readonly digest: string;
  readonly position: number;
  readonly verified?: { readonly size: number; readonly root: string };
};

/** Throws RebuildRunning; verified also EvidenceMismatch, naming the first event, and EvidenceBehind while nothing is signed. */
export async function rebuildOnRequest(parts: RebuildParts, request: RebuildRequest): Promise<FinishedRebuild> {
  const { ports, pool } = parts;
  const { projection, verified: isVerified, actor, onProgress } = request;
  const { name, version } = projection;
  const verify = isVerified ? { verify: await verification(parts) } : {};
  const { position, digest, verified } = await rebuild({ store: ports.store, pool, projection, onProgress, ...verify });
  const rebuilt = { projection: name, version, position, digest };
  const recordedAt = verified
    ? await recordAttestation(ports, actor, { ...rebuilt, ...verified, upcasters: ports.store.upcasters })
    : await recordRebuild(ports, actor, rebuilt);
  return {
    projection: name,
    version,
    rebuiltTo: position,
    digest,
    position: recordedAt,
    ...(verified && { verified }),
  };
}

/** Against a checkpoint over the log as it is now; where the keeper does not come so far, against the newest there is. */
async function verification({ ports, pool, evidence }: RebuildParts): Promise<NonNullable<RebuildOptions['verify']>> {
  const { store } = ports;
  const head = await store.head();
  const signed = (await evidence.waitFor(head, SIGNED_WAIT_MS)) ?? (await evidence.checkpoint());
  if (!signed) throw new EvidenceBehind(head, 0);
  const upTo = signed.size;
  const verifiers = await evidence.keys.verifiers();
  return { upTo, verifier: await createReplayVerifier({ pool, store, verifiers, upTo }) };
}
