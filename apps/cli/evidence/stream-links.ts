/**
 * Each event names the leaf of its stream's previous event, and its version is one more. Followed through the whole log, these links
 * find what tiles rewritten together with their events can no longer show: an event whose successor still names its old hash.
 *
 * Memory is bounded: the last event of the STREAMS_MAX streams that were met last is kept (about 250 bytes each). A link that reaches
 * further back cannot be followed and is counted, so that nobody takes it for a checked one.
 */
export type StreamEvent = {
  readonly stream: string;
  readonly version: number;
  /** Hex leaf of the stream's previous event; null for its first. */
  readonly prev: string | null;
};

export type BrokenLink = {
  readonly position: number;
  readonly kind: 'changed' | 'removed' | 'inserted';
  readonly detail: string;
};

type Last = { readonly version: number; readonly position: number; readonly leaf: string };

const STREAMS_MAX = 500_000;

export class StreamLinks {
  readonly #last = new Map<string, Last>();
  readonly #streamsMax: number;
  /** A stream that is not among #last may have begun before. */
  #mayHaveBegun: boolean;
  #withheldAt = 0;
  #broken: BrokenLink | undefined;
  #followed = 0;
  #unfollowed = 0;

  /** `from`: the first position that is added; what came before it is not known. */
  constructor({ from = 1, streamsMax = STREAMS_MAX } = {}) {
    this.#mayHaveBegun = from > 1;
    this.#streamsMax = streamsMax;
  }

  /** In order of position; `leaf` is the hex leaf hash of the event's bytes as they are. */
  add(position: number, { stream, version, prev }: StreamEvent, leaf: string): void {
    const last = this.#last.get(stream);
    if (last ? this.#reachesPast(last, version) : version > 1 && this.#mayHaveBegun) this.#unfollowed++;
    else {
      const broken = judge(last, position, { stream, version, prev });
      if (broken && !(this.#broken && this.#broken.position <= broken.position)) this.#broken = broken;
      this.#followed++;
    }
    this.#keep(stream, { version, position, leaf });
  }

  /** An event that the log no longer holds, as retention allows: its stream is not known. */
  addWithheld(position: number): void {
    this.#withheldAt = position;
    this.#mayHaveBegun = true;
  }

  /** The link that speaks of the earliest event which is not as its stream remembers it. */
  broken(): BrokenLink | undefined {
    return this.#broken;
  }

  counts(): { readonly followed: number; readonly unfollowed: number } {
    return { followed: this.#followed, unfollowed: this.#unfollowed };
  }

  #reachesPast(last: Last, version: number): boolean {
    return version > last.version + 1 && this.#withheldAt > last.position;
  }

  #keep(stream: string, last: Last): void {
    this.#last.delete(stream); // so that the map's order is that of the last use
    this.#last.set(stream, last);
    if (this.#last.size <= this.#streamsMax) return;
    const [oldest] = this.#last.keys();
    this.#last.delete(oldest!);
    this.#mayHaveBegun = true;
  }
}

function judge(last: Last | undefined, position: number, event: StreamEvent): BrokenLink | undefined {
  const { stream, version, prev } = event;
  const next = (last?.version ?? 0) + 1;
  if (version === next && prev === (last?.leaf ?? null)) return undefined;
  if (version > next) {
    const detail = `position ${position} is version ${version} of stream ${stream}, and version ${next} is not before it`;
    return { position, kind: 'removed', detail };
  }
  if (version < next || !last) {
    const after = last
      ? `after version ${last.version}, at position ${last.position}`
      : 'with a link to an event before it';
    return {
      position,
      kind: 'inserted',
      detail: `position ${position} is version ${version} of stream ${stream}, ${after}`,
    };
  }
  const detail =
    `version ${version} of stream ${stream}, at position ${position}, was written after an event with leaf ${prev}; ` +
    `what stands at position ${last.position} has leaf ${last.leaf}`;
  return { position: last.position, kind: 'changed', detail };
}
