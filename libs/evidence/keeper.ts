/**
 * Keeps the tree behind the log: reads leaves, extends the tiles, signs a checkpoint (event-store design §5.4). Once a second,
 * or every 10,000 events when there are more; one process at a time. What one page changes is one transaction together
 * with the subscription's own checkpoint, and the witness has the new note before that transaction commits:
 *
 *   step                        not done, or its answer lost                  done, and what follows was not
 *   tiles, tree, checkpoint     rolled back; the page comes again             only visible with the commit
 *   witness: swap               rolled back; tried again                      the witness is ahead of the database by a note of
 *                                                                             ours: the next page ends there or later, and
 *                                                                             must have its root there; else it is refused
 *   commit                      as before; or it was done: the next turn      all of it is there
 *                               reads the tree as it then is
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import {
  type Clock,
  type EventStore,
  LogUnavailable,
  subscribe,
  type Subscription,
  SubscriptionFenced,
} from '#event-store';
import { formatCheckpoint, sameHash, type Signer, signNote } from '#tlog';
import type { CheckpointKeys } from './checkpoint-keys.js';
import { insertCheckpoint, readCheckpoint, readTree, type SignedCheckpoint, writeTree } from './evidence-tables.js';
import { EvidenceRefused, type RefusalReason, WitnessUnavailable } from './evidence.error.js';
import { type Leaf, readLeaves } from './leaves.js';
import type { TileTree } from './tile-tree.js';
import type { Witness } from './witness.js';
import { behindWitness, checkAnchor, checkExtends, forked, readWitness, type Witnessed } from './witnessed.js';

export type EvidenceOptions = {
  readonly store: EventStore;
  /** For reading. */
  readonly pool: Pool;
  /** The active keeper holds one of its connections. Default: `pool`. */
  readonly keeperPool?: Pool;
  readonly keys: CheckpointKeys;
  readonly witness: Witness;
  readonly clock: Clock;
  /** Between two checkpoints, when fewer than a page of events came. Default 1000. */
  readonly paceMs?: number;
  /** Most events of one checkpoint more than the last. Default 10,000. */
  readonly pageSize?: number;
  readonly log: (message: string) => void;
  /** The witness held nothing although checkpoints were signed: it begins with the newest. */
  readonly onWitnessEstablished?: (checkpoint: SignedCheckpoint) => Promise<void>;
};

export type EvidenceStatus = {
  /** `waiting`: another process is active, or the database or the witness does not answer. */
  readonly state: 'waiting' | 'catching-up' | 'live' | 'refused' | 'stopped';
  /** Events covered by the newest signed checkpoint, as far as this process knows. */
  readonly size: number;
  readonly refusal?: { readonly reason: RefusalReason | 'failed'; readonly detail: string };
  /** What went wrong last, and is tried again. */
  readonly trouble?: string;
};

export const EVIDENCE = Symbol('EVIDENCE');

export interface Evidence {
  readonly keys: CheckpointKeys;
  readonly witness: Witness;
  status(): EvidenceStatus;
  /** The same, once a start has looked at tree and witness: before that nothing is known to be wrong. Waits at most so long. */
  settledStatus(timeoutMs: number): Promise<EvidenceStatus>;
  /** The newest signed checkpoint. */
  checkpoint(): Promise<SignedCheckpoint | null>;
  /** The same, waiting at most so long for one that covers the position. */
  waitFor(position: number, timeoutMs: number): Promise<SignedCheckpoint | null>;
  stop(): Promise<void>;
}

const PACE_MS = 1_000;
const PAGE_SIZE = 10_000;
/** A crash leaves the witness ahead by one page at most; what is far more than that was restored. */
const AHEAD_MAX = 262_144;

export function startEvidence(options: EvidenceOptions): Evidence {
  return new Keeper(options);
}

class Keeper implements Evidence {
  readonly #subscription: Subscription<Leaf>;
  /** What the witness held when the page was read, and who was to sign then. */
  #witnessed: Witnessed | null = null;
  #signers: readonly Signer[] = [];
  #tellLooked = (): void => {};
  readonly #looked = new Promise<void>((resolve) => {
    this.#tellLooked = resolve;
  });

  constructor(private readonly options: EvidenceOptions) {
    const { store, pool, keeperPool = pool, paceMs = PACE_MS, pageSize = PAGE_SIZE, log } = options;
    let last = '';
    this.#subscription = subscribe<Leaf>({
      store,
      pool: keeperPool,
      name: 'evidence',
      pageSize,
      pauseMs: paceMs,
      read: (after, limit) => this.#read(after, limit).catch(tellUnavailable),
      handle: async (tx, leaves) => {
        await this.#extend(tx, leaves);
        this.#tellLooked();
      },
      onChange: ({ mode, error }) => {
        if (mode === 'live' || mode === 'failed') this.#tellLooked();
        const said = error === undefined ? '' : `evidence ${mode}: ${(error as Error).message}`;
        if (said !== '' && said !== last) log(said);
        last = said;
      },
    });
  }

  get keys(): CheckpointKeys {
    return this.options.keys;
  }

  get witness(): Witness {
    return this.options.witness;
  }

  status(): EvidenceStatus {
    const { mode, position, error } = this.#subscription.state();
    const detail = error === undefined ? {} : { trouble: (error as Error).message };
    if (mode !== 'failed') return { state: mode, size: position, ...detail };
    const reason = error instanceof EvidenceRefused ? error.reason : 'failed';
    return { state: 'refused', size: position, refusal: { reason, detail: (error as Error).message } };
  }

  async settledStatus(timeoutMs: number): Promise<EvidenceStatus> {
    if (this.status().state === 'catching-up')
      await Promise.race([this.#looked, delay(timeoutMs, undefined, { ref: false })]);
    return this.status();
  }

  checkpoint(): Promise<SignedCheckpoint | null> {
    return readCheckpoint(this.options.pool);
  }

  async waitFor(position: number, timeoutMs: number): Promise<SignedCheckpoint | null> {
    const newest = await this.checkpoint();
    if (newest && newest.size >= position) return newest;
    await this.#subscription.waitFor(position, timeoutMs);
    return this.checkpoint();
  }

  async stop(): Promise<void> {
    await this.#subscription.stop();
    await this.options.witness.close();
  }

  /** Reads the witness first: what it has seen, the log already had. So a page always reaches it, or is refused. */
  async #read(after: number, limit: number): Promise<Leaf[]> {
    const { store, pool, witness, keys } = this.options;
    const witnessed = (await readWitness(witness, keys)) ?? (await this.#establishWitness());
    const head = await store.head();
    if (witnessed && head < witnessed.size) throw behindWitness(head, witnessed);
    const ahead = (witnessed?.size ?? 0) - after;
    if (ahead > AHEAD_MAX) throw treeBehind(after, ahead);
    const leaves = await readLeaves(pool, after, Math.max(limit, ahead));
    this.#witnessed = witnessed;
    this.#signers = await keys.signers();
    if (leaves.length === 0) await this.#inspect(pool, await readTree(pool), after);
    return leaves;
  }

  async #inspect(connection: Pool | PoolClient, tree: TileTree, after: number): Promise<void> {
    if (tree.size < after) {
      throw new EvidenceRefused(
        'tree-damaged',
        `the tree has ${tree.size} events and its reader is at ${after}: schema "evidence" was restored apart from schema "read"`,
      );
    }
    await checkAnchor(connection, tree);
    if (this.#witnessed && this.#witnessed.size <= tree.size) await checkExtends(connection, tree, this.#witnessed);
  }

  async #extend(tx: PoolClient, leaves: readonly Leaf[]): Promise<void> {
    const tree = await readTree(tx);
    const from = tree.size;
    const witnessed = this.#witnessed;
    await this.#inspect(tx, tree, leaves[0]!.position - 1);
    for (const { position, hash } of leaves) {
      if (position <= from) continue; // the reader's checkpoint was lost, the tree was not
      tree.append(hash);
      if (position === witnessed?.size && !sameHash(await tree.root(), witnessed.root)) throw forked(position);
    }
    if (tree.size === from) return;
    if (!(await writeTree(tx, from, tree))) throw new SubscriptionFenced('evidence');
    await this.#sign(tx, tree, witnessed);
  }

  async #sign(tx: PoolClient, tree: TileTree, witnessed: Witnessed | null): Promise<void> {
    const { keys, clock, witness } = this.options;
    const { size } = tree;
    const root = await tree.root();
    const signedAt = clock.now();
    if (witnessed?.size === size) {
      await insertCheckpoint(tx, { size, root, note: witnessed.note, signedAt });
      return;
    }
    const note = signNote(formatCheckpoint({ origin: keys.origin, size, root }), this.#signers);
    await insertCheckpoint(tx, { size, root, note, signedAt });
    if (!(await witness.swap(witnessed?.note ?? null, note)))
      throw new WitnessUnavailable(witness.place, 'another writer was there first');
  }

  async #establishWitness(): Promise<Witnessed | null> {
    const { witness, keys, log, onWitnessEstablished } = this.options;
    const newest = await this.checkpoint();
    if (!newest || !(await witness.swap(null, newest.note))) return null;
    log(`the witness at ${witness.place} held nothing and begins with the checkpoint of ${newest.size} events`);
    await onWitnessEstablished?.(newest);
    return readWitness(witness, keys);
  }
}

function treeBehind(after: number, ahead: number): EvidenceRefused {
  return new EvidenceRefused(
    'tree-damaged',
    `the tree is at event ${after}, ${ahead} behind the witness: schema "evidence" was restored from an older copy than the log`,
  );
}

/** What is not a coded error of ours came from the connection, and may pass. */
function tellUnavailable(error: Error & { readonly code?: unknown }): never {
  if (/^(EVIDENCE|KEY|TLOG|ES)_/.test(String(error.code))) throw error;
  throw new LogUnavailable('read', error);
}
