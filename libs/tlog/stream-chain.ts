/**
 * The events of one stream, one after the other: versions dense from 1, each with the hex leaf of the one before as `prev`.
 * An event so linked fixes all that come before it; it says nothing of what comes after.
 */
import type { Fault, FaultKind } from './log-check.js';
import { quote } from './tlog.error.js';

export class StreamChain {
  #version = 0;
  #leaf: string | null = null;
  /** Position of an event without its bytes that no link has spoken for yet. */
  #awaitsLink: number | undefined;
  readonly #unlinked: number[] = [];

  constructor(readonly stream: string) {}

  /** `body` is null where the bytes are withheld: the link of the next event then speaks for it. */
  add(position: number, body: string | null, leaf: Buffer): Fault | undefined {
    const version = this.#version + 1;
    const prev = this.#leaf;
    this.#version = version;
    this.#leaf = leaf.toString('hex');
    if (body === null) {
      if (this.#awaitsLink !== undefined) this.#unlinked.push(this.#awaitsLink);
      this.#awaitsLink = position;
      return undefined;
    }
    const fault = (kind: FaultKind, detail: string): Fault => ({
      position,
      kind,
      detail: `position ${position}: ${detail}`,
    });
    const event = linkOf(body);
    if (event === undefined) return fault('inserted', 'its bytes are not those of an event');
    if (event.stream !== this.stream) return fault('inserted', `it is of another stream, ${quote(event.stream)}`);
    if (event.version > version) return fault('removed', `version ${version} of the stream is missing before it`);
    if (event.version < version) return fault('inserted', `it is version ${event.version} of the stream once more`);
    if (event.prev !== prev) return fault('changed', `it is linked to another version ${version - 1} of the stream`);
    this.#awaitsLink = undefined;
    return undefined;
  }

  /** Positions of events that are counted, but may be of any stream: without their bytes, and without those of the next. */
  unlinked(): number[] {
    return this.#awaitsLink === undefined ? this.#unlinked : [...this.#unlinked, this.#awaitsLink];
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
