/**
 * Event ids (RFC 9562): UUIDv7 for what we decide; UUIDv8 for what we observed, with the record's time in front and the
 * hash of its identity behind, so that the same record has the same id whenever and from wherever it is read again.
 * Both begin with 48 bits of Unix milliseconds: an index takes them in nearly in order.
 */
import type { Random } from './clock.js';
import { instantToNanos } from './instant.js';

const RANDOM_BYTES = 10;
const IDS_PER_DRAW = 256;

/** `random`: 10 bytes. */
export function newEventId(nowMillis: number, random: Uint8Array): string {
  return timeOrderedUuid(nowMillis, 7, random);
}

/** UUIDv7s for one process. Randomness is drawn for many at once: drawing it costs more than the rest of an id. */
export function createIdSource(random: Random): () => string {
  let drawn: Buffer = Buffer.alloc(0);
  return () => {
    if (drawn.length === 0) drawn = random(RANDOM_BYTES * IDS_PER_DRAW);
    const bits = drawn.subarray(0, RANDOM_BYTES);
    drawn = drawn.subarray(RANDOM_BYTES);
    return newEventId(Date.now(), bits);
  };
}

/** `identityHash`: at least 10 bytes of a hash that names the record and, within it, the event. Throws InvalidInstant. */
export function observedEventId(occurredAt: string, identityHash: Uint8Array): string {
  return timeOrderedUuid(Number(instantToNanos(occurredAt) / 1_000_000n), 8, identityHash);
}

//  0                   1                   2                   3
//  +---------------------------------------------------------------+
//  |                        unix_ts_ms (48 bits)                   |
//  +-------------------------------+-------+-----------------------+
//  |                               |  ver  |  12 bits              |
//  +---+---------------------------+-------+-----------------------+
//  |var|  62 bits                                                  |
//  +---+-----------------------------------------------------------+
function timeOrderedUuid(millis: number, version: 7 | 8, bits: Uint8Array): string {
  if (bits.length < RANDOM_BYTES)
    throw new RangeError(`a UUID takes ${RANDOM_BYTES} bytes beside its time, got ${bits.length}`);
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, millis), 0, 6); // before 1970 (a lost clock): 0
  bytes.set(bits.subarray(0, RANDOM_BYTES), 6);
  bytes[6] = (version << 4) | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
