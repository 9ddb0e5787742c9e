/**
 * The events of one stream, one after the other: versions dense from 1, each with the hex leaf of the one before as `prev`.
 * An event so linked fixes all that come before it; it says nothing of what comes after.
 */
import type { Fault, FaultKind } from './log-check.js';

export class StreamChain {
  #version = 0;
  #leaf: string | null = null;
  #lastWithheldAt: number | undefined;

  constructor(readonly stream: string) {}

  /** `body` is null where the bytes are withheld: the next event's link then speaks for it. */
  add(position: number, body: string | null, leaf: Buffer): Fault | undefined {
    const version = this.#version + 1;
    const prev = this.#leaf;
    this.#version = version;
    this.#leaf = leaf.toString('hex');
    this.#lastWithheldAt = body === null ? position : undefined;
    if (body === null) return undefined;
    const fault = (kind: FaultKind, detail: string): Fault => ({
      position,
      kind,
      detail: `position ${position}: ${detail}`,
    });
    const event = linkOf(body);
    if (event === undefined) return fault('inserted', 'its bytes are not those of an event');
    if (event.stream !== this.stream)
      return fault('inserted', `it is of another stream, ${JSON.stringify(event.stream)}`);
    if (event.version > version) return fault('removed', `version ${version} of the stream is missing before it`);
    if (event.version < version) return fault('inserted', `it is version ${event.version} of the stream once more`);
    if (event.prev !== prev)
      return fault('changed', `version ${version} is linked to another version ${version - 1} of the stream`);
    return undefined;
  }

  /** Nothing links to an event at the end, so one without its bytes may be of any stream. */
  end(): Fault | undefined {
    const position = this.#lastWithheldAt;
    if (position === undefined) return undefined;
    return {
      position,
      kind: 'inserted',
      detail: `position ${position}: its bytes are withheld, and no later event shows that it is of the stream`,
    };
  }
}

type Link = { readonly stream: string; readonly version: number; readonly prev: string | null };

function linkOf(body: string): Link | undefined {
  try {
    const { stream, version, prev } = JSON.parse(body) as Record<string, unknown>;
    const isLink =
      typeof stream === 'string' && Number.isSafeInteger(version) && (prev === null || typeof prev === 'string');
    return isLink ? { stream, version: version as number, prev } : undefined;
  } catch {
    return undefined;
  }
}
