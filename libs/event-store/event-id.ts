/**
 * Event ids (RFC 9562): UUIDv7 for what we decide; UUIDv8 for what we observed, with the record's time in front and the
 * hash of its identity behind, so that the same record has the same id whenever and from wherever it is read again.
 * Both begin with 48 bits of Unix milliseconds: an index takes them in nearly in order.
 */
import type { Random } from './clock.js';
import { instantToNanos } from './instant.js';

const RANDOM_BYTES = 10;
const IDS_PER_DRAW = 256;
/** The variant's two bits, 10, before two of the drawn ones. */
const VARIANTS = '89ab';

/** `random`: 10 bytes. */
export function newEventId(nowMillis: number, random: Uint8Array): string {
  return timeOrderedUuid(nowMillis, 7, hexOf(random));
}

/** UUIDv7s for one process. Randomness is drawn for many at once: drawing it costs more than the rest of an id. */
export function createIdSource(random: Random): () => string {
  let drawn = '';
  let at = 0;
  return () => {
    if (at === drawn.length) {
      drawn = random(RANDOM_BYTES * IDS_PER_DRAW).toString('hex');
      at = 0;
    }
    const bits = drawn.slice(at, (at += RANDOM_BYTES * 2));
    return timeOrderedUuid(Date.now(), 7, bits);
  };
}

/** `identityHash`: at least 10 bytes of a hash that names the record and, within it, the event. Throws InvalidInstant. */
export function observedEventId(occurredAt: string, identityHash: Uint8Array): string {
  return timeOrderedUuid(Number(instantToNanos(occurredAt) / 1_000_000n), 8, hexOf(identityHash));
}

function hexOf(bits: Uint8Array): string {
  if (bits.length < RANDOM_BYTES)
    throw new RangeError(`a UUID takes ${RANDOM_BYTES} bytes beside its time, got ${bits.length}`);
  return Buffer.from(bits.subarray(0, RANDOM_BYTES)).toString('hex');
}

//  0                   1                   2                   3
//  +---------------------------------------------------------------+
//  |                        unix_ts_ms (48 bits)                   |
//  +-------------------------------+-------+-----------------------+
//  |                               |  ver  |  12 bits              |
//  +---+---------------------------+-------+-----------------------+
//  |var|  62 bits                                                  |
//  +---+-----------------------------------------------------------+
/** `bits`: 20 hex digits. A time before 1970 (a lost clock) counts as 0. */
function timeOrderedUuid(millis: number, version: 7 | 8, bits: string): string {
  const time = Math.max(0, millis).toString(16).padStart(12, '0');
  const variant = VARIANTS[Number.parseInt(bits[4]!, 16) & 3]!;
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}${bits.slice(1, 4)}-${variant}${bits.slice(5, 8)}-${bits.slice(8)}`;
}
