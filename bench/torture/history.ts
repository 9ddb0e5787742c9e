/**
 * The judgement over a full history: what the log holds against what writers were told and against the log's own promises
 * (architecture §7). Pure: the same history gives the same faults.
 *
 * Every event comes by an append item and every item has a receipt, so the receipts' ranges must tile 1..N exactly: an event
 * that is in no range, in two, or missing from one is a doubled, stray or half item.
 */
import { leafHash } from '#event-store';
import type { Told } from './journal.js';
import type { TortureData } from './request.js';

export type LogRow = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly body: string;
  /** Hex. */
  readonly leaf: string;
};

export type Receipt = {
  readonly id: string;
  readonly first: number;
  readonly events: number;
  /** JSON text; null for none. */
  readonly reply: string | null;
};

export type History = {
  /** In order of position. */
  readonly rows: AsyncIterable<LogRow> | Iterable<LogRow>;
  /** In order of `first`. */
  readonly receipts: readonly Receipt[];
  readonly heads: ReadonlyMap<string, { readonly version: number; readonly leaf: string }>;
  readonly size: number;
  readonly told: readonly Told[];
};

export type FaultKind =
  'hole' | 'version' | 'link' | 'leaf' | 'clock' | 'head' | 'item' | 'lost' | 'moved' | 'reply' | 'refused';
export type Fault = { readonly kind: FaultKind; readonly detail: string };

const FAULTS_MAX = 100;

/** At most a hundred faults, the first ones. */
export async function checkHistory(history: History): Promise<Fault[]> {
  const check = new HistoryCheck(history.receipts);
  for await (const row of history.rows) check.row(row);
  check.end(history);
  checkTold(history, check);
  return check.faults;
}

class HistoryCheck {
  readonly faults: Fault[] = [];
  readonly #streams = new Map<string, { version: number; leaf: string }>();
  #last = 0;
  #recordedAt = '';
  #receipt = 0;
  /** Events seen of the receipt at hand. */
  #of = 0;

  constructor(private readonly receipts: readonly Receipt[]) {}

  report(kind: FaultKind, detail: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push({ kind, detail });
  }

  row(row: LogRow): void {
    const { position, stream, version, leaf } = row;
    if (position !== this.#last + 1) this.report('hole', `position ${position} follows ${this.#last}`);
    this.#last = position;
    const body = JSON.parse(row.body) as Body;
    const before = this.#streams.get(stream);
    if (version !== (before?.version ?? 0) + 1) {
      this.report('version', `${stream}: version ${version} at ${position} follows ${before?.version ?? 0}`);
    }
    if (body.stream !== stream || body.version !== version || body.prev !== (before?.leaf ?? null)) {
      this.report('link', `${position}: the body does not continue ${stream} as it was`);
    }
    if (leafHash(row.body) !== leaf) this.report('leaf', `${position}: its leaf is not that of its bytes`);
    if (body.recordedAt < this.#recordedAt) this.report('clock', `${position} was recorded before its predecessor`);
    this.#recordedAt = body.recordedAt;
    this.#streams.set(stream, { version, leaf });
    this.#item(position, body);
  }

  /** The event must be the next one of the receipt whose turn it is. */
  #item(position: number, { type, data }: Body): void {
    let receipt = this.receipts[this.#receipt];
    while (receipt && this.#of === receipt.events) {
      receipt = this.receipts[++this.#receipt];
      this.#of = 0;
    }
    if (!receipt || position !== receipt.first + this.#of) {
      this.report('item', `${position} belongs to no item (the next one begins at ${receipt?.first ?? 'nowhere'})`);
      return;
    }
    const n = this.#of++;
    if (type !== 'TortureSuffered') return;
    if (data.item !== receipt.id || data.n !== n || data.of !== receipt.events) {
      this.report(
        'item',
        `${position} should be event ${n} of ${receipt.events} of ${receipt.id}: ${data.item} ${data.n}`,
      );
    }
  }

  end({ size, heads }: History): void {
    if (size !== this.#last) this.report('head', `the head says ${size}, the last position is ${this.#last}`);
    const rest = this.receipts.slice(this.#receipt).filter(({ events }) => events > 0);
    if (rest[0] && this.#of === rest[0].events) rest.shift();
    for (const { id, first, events } of rest)
      this.report('item', `${id}: ${events} events at ${first} are not all there`);
    for (const [stream, { version, leaf }] of this.#streams) {
      const head = heads.get(stream);
      if (head?.version !== version || head.leaf !== leaf)
        this.report('head', `${stream} ends at ${version}, not at its head`);
    }
    if (heads.size !== this.#streams.size) this.report('head', `${heads.size} heads of ${this.#streams.size} streams`);
  }
}

/** Everything that was acknowledged is there, where and as it was said; nothing that was refused is. */
function checkTold({ receipts, told }: History, check: HistoryCheck): void {
  const byId = new Map(receipts.map((receipt) => [receipt.id, receipt]));
  for (const { id, lane, status, position, reply } of told) {
    const receipt = byId.get(id);
    if (status === 'conflict') {
      if (receipt) check.report('refused', `${id} of ${lane} was refused and is at ${receipt.first}`);
      continue;
    }
    if (!receipt) {
      check.report('lost', `${id} of ${lane} was acknowledged at ${position} and is not there`);
      continue;
    }
    const last = receipt.first + receipt.events - 1;
    if (last !== position) check.report('moved', `${id} of ${lane} was acknowledged at ${position} and is at ${last}`);
    if (!sameReply(receipt.reply, reply)) check.report('reply', `${id} of ${lane}: another reply than it was told`);
  }
}

/** An answer over HTTP carries the position beside the reply that was kept. */
function sameReply(kept: string | null, told: unknown): boolean {
  const { position: _, ...fields } = (told ?? {}) as Record<string, unknown>;
  const reply = (JSON.parse(kept ?? 'null') ?? {}) as Record<string, unknown>;
  const keys = Object.keys(reply);
  return (
    keys.length === Object.keys(fields).length &&
    keys.every((key) => JSON.stringify(reply[key]) === JSON.stringify(fields[key]))
  );
}

type Body = {
  readonly stream: string;
  readonly version: number;
  readonly prev: string | null;
  readonly recordedAt: string;
  readonly type: string;
  readonly data: TortureData;
};
