/**
 * Heads of recently used streams, so that an append can encode (version, previous leaf) before it holds the log's lock.
 * Only a cache: other processes append too, and what it says is judged under the lock. Bounded.
 */
import { LRUCache } from 'lru-cache';
import type { Pool, PoolClient } from 'pg';

/** Version 0 has no leaf: the stream does not exist yet. */
export type StreamHead = { readonly version: number; readonly leaf: string | null };

export const NO_STREAM: StreamHead = { version: 0, leaf: null };

const HEADS_MAX = 100_000;

export class StreamHeads {
  readonly #heads = new LRUCache<string, StreamHead>({ max: HEADS_MAX });

  get(stream: string): StreamHead | undefined {
    return this.#heads.get(stream);
  }

  /** Streams only grow: an older head never replaces a newer one. */
  learn(stream: string, head: StreamHead): void {
    if (head.version >= (this.#heads.get(stream)?.version ?? 0)) this.#heads.set(stream, head);
  }

  forget(stream: string): void {
    this.#heads.delete(stream);
  }
}

export async function readStreamHeads(
  connection: Pool | PoolClient,
  streams: readonly string[],
): Promise<Map<string, StreamHead>> {
  const heads = new Map<string, StreamHead>(streams.map((stream) => [stream, NO_STREAM]));
  if (streams.length === 0) return heads;
  const { rows } = await connection.query<{ stream: string; version: number; leaf: string }>({
    name: 'log.stream_heads',
    text: `SELECT stream, version, encode(leaf, 'hex') AS leaf FROM log.stream_heads($1)`,
    values: [streams],
  });
  for (const { stream, version, leaf } of rows) heads.set(stream, { version, leaf });
  return heads;
}
