export { TileInvalid, NoteInvalid, BundleInvalid, type NoteErrorCode } from './tlog.error.js';
export { leafHash, nodeHash, sameHash, EMPTY_ROOT, HASH_BYTES } from './hash.js';
export { TreeFrontier } from './frontier.js';
export {
  TILE_WIDTH,
  TILE_HEIGHT,
  tilePath,
  entriesPath,
  parseTilePath,
  tileWidth,
  partialTiles,
  tilesBetween,
  tileHashes,
  completeRoot,
  type Tile,
  type EntriesPath,
  type TileReader,
} from './tile.js';
export { inclusionProof, consistencyProof, rootOfTiles } from './tile-proof.js';
export { verifyInclusion, verifyConsistency, type Inclusion, type Consistency } from './verify-proof.js';
export { encodeEntryBundle, decodeEntryBundle, ENTRY_BYTES_MAX } from './entry-bundle.js';
export {
  encodePointers,
  encodeSegmentHeader,
  isSegmentSize,
  parseSegmentName,
  POINTER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentName,
  type SegmentHeader,
  type SegmentName,
} from './segment-layout.js';
export { bucketsFor, encodeStreams, type EventPlace, type StreamEvents } from './segment-streams.js';
export { Segment, type SegmentBytes } from './segment.js';
export { newSigner, parseVerifierKey, type Signer, type Verifier } from './note-key.js';
export {
  signNote,
  openNote,
  parseNote,
  NOTE_BYTES_MAX,
  NOTE_SIGNATURES_MAX,
  type NoteSignature,
  type OpenedNote,
} from './note.js';
export {
  formatCheckpoint,
  parseCheckpoint,
  openCheckpoint,
  type Checkpoint,
  type OpenedCheckpoint,
} from './checkpoint.js';
export { formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.js';
export { LogCheck, type Fault, type FaultKind } from './log-check.js';
export {
  EVIDENCE_FORMAT,
  BUNDLE_ENTRIES_MAX,
  BUNDLE_LENGTH_MAX,
  formatEvidenceBundle,
  parseEvidenceBundle,
  type EvidenceBundle,
  type EvidenceEntry,
  type Selection,
} from './evidence-bundle.js';
export { verifyEvidenceBundle, type BundleReport } from './verify-bundle.js';
