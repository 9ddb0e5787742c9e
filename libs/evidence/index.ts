/** The evidence log: a Merkle tree behind the event log, signed checkpoints, a witness, and the proofs made of them. */
export { CheckpointKeys, establishSeed, type KeyPeriod } from './checkpoint-keys.js';
export { EVIDENCE, startEvidence, type Evidence, type EvidenceOptions, type EvidenceStatus } from './keeper.js';
export { readCheckpoint, readTile, tileReader, type SignedCheckpoint } from './evidence-tables.js';
export { bundleOf, consistencyOf, entryBundle, inclusionOf, tlogProofOf } from './proofs.js';
export {
  createReplayVerifier,
  type ReplayVerifier,
  type ReplayVerifierOptions,
  type VerifiedReplay,
} from './replay-verifier.js';
export { openWitness } from './open-witness.js';
export type { Witness } from './witness.js';
export {
  BundleTooLarge,
  CheckpointKeyMissing,
  EventMissing,
  EvidenceBehind,
  EvidenceMismatch,
  EvidenceRefused,
  TileUnknown,
  WitnessUnavailable,
  type RefusalReason,
} from './evidence.error.js';
