/**
 * The digest by which a retry is told from another request under the same id: over the request, never over what was
 * decided. Keyed, because a command may hold a password and a plain hash of one could be guessed offline.
 */
import { createHmac } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { Json } from './event.js';

/** HMAC-SHA256 (32 bytes) over the request's canonical JSON. Throws NotCanonical. */
export function requestDigest(hmacKey: Uint8Array, request: Json): Buffer {
  return createHmac('sha256', hmacKey).update(canonicalJson(request)).digest();
}
