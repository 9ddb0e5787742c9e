/**
 * The bytes of a file on their way in: counted and hashed as they come, unpacked when they are gzip (RFC 1952, several
 * members one after another included), with a bound on how much a compressed byte may become.
 */
import { createHash, type Hash } from 'node:crypto';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HEAD_BYTES } from './detect.js';
import { SourceDamaged, UnpackLimitExceeded } from './ingestion.error.js';

/** Logs are text that repeats itself: the sample packs 15:1. Deflate itself ends at 1032:1. */
const RATIO_MAX = 250;
const RATIO_FREE_BYTES = 64 * 1024 * 1024;

export type Intake = {
  /** Bytes received so far, as they came, and their SHA-256 once all are there. */
  readonly bytes: () => number;
  readonly sha256: () => string;
  /** The first unpacked bytes; `chunks` begins with them. */
  readonly head: Buffer;
  readonly chunks: AsyncIterable<Buffer>;
};

/** `chunks` throws SourceDamaged, UnpackLimitExceeded, and what `input` throws. */
export async function takeIn(input: AsyncIterable<Uint8Array>): Promise<Intake> {
  const meter = { bytes: 0, hash: createHash('sha256') };
  const packed = await peek(metered(input, meter));
  const isGzip = packed.head[0] === 0x1f && packed.head[1] === 0x8b;
  const { head, chunks } = isGzip ? await peek(unpacked(packed.chunks, meter)) : packed;
  return { bytes: () => meter.bytes, sha256: () => meter.hash.digest('hex'), head, chunks };
}

async function* metered(
  input: AsyncIterable<Uint8Array>,
  meter: { bytes: number; hash: Hash },
): AsyncGenerator<Buffer> {
  for await (const chunk of input) {
    meter.bytes += chunk.length;
    meter.hash.update(chunk);
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  }
}

async function* unpacked(packed: AsyncIterable<Buffer>, meter: { readonly bytes: number }): AsyncGenerator<Buffer> {
  const gunzip = pipeline(packed, createGunzip(), () => undefined); // its error comes out of the loop below
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > RATIO_FREE_BYTES && bytes > RATIO_MAX * meter.bytes) {
        throw new UnpackLimitExceeded(meter.bytes, bytes, RATIO_MAX);
      }
      yield chunk;
    }
  } catch (cause) {
    if (!isZlibError(cause)) throw cause;
    throw new SourceDamaged(bytes, cause);
  }
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('Z_');
}

async function peek(chunks: AsyncGenerator<Buffer>): Promise<{ head: Buffer; chunks: AsyncIterable<Buffer> }> {
  const begun: Buffer[] = [];
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  while (bytes < HEAD_BYTES) {
    const next = await chunks.next().catch((error: unknown) => {
      failure = { error }; // thrown where the content breaks off, behind what could be read
    });
    if (!next || next.done) break;
    begun.push(next.value);
    bytes += next.value.length;
  }
  return { head: Buffer.concat(begun).subarray(0, HEAD_BYTES), chunks: resumed(begun, chunks, failure) };
}

async function* resumed(
  begun: Buffer[],
  rest: AsyncGenerator<Buffer>,
  failure: { readonly error: unknown } | undefined,
): AsyncGenerator<Buffer> {
  try {
    for (let chunk = begun.shift(); chunk; chunk = begun.shift()) yield chunk;
    if (failure) throw failure.error;
    yield* rest;
  } finally {
    await rest.return(undefined); // closes the input when the reader stops early
  }
}
