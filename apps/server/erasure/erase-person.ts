/**
 * Erasing a person: the decision is an event, and then everything follows from it, at once or after a crash at the next start:
 *
 *   1. PersonErased     names the keys by their random ids
 *   2. delete the keys  the log, the API and every copy made from now on show pseudonyms
 *   3. wait             until no other process uses a key that it read before
 *   4. rebuild          the read models, without the keys
 *   5. PersonErasureFinished
 */
import type { Pool } from 'pg';
import { loadAccount, type CommandRequest, type ErasableSubjectKeys, type LogPorts, type NameKey } from '#directory';
import { RECENT_EVENTS_LIFE_MS, type Clock, type EventStore, type Subject } from '#event-store';
import {
  OperationRefusal,
  readErasures,
  recordErasure,
  recordErasureFinished,
  recordRebuild,
  type Erasure,
} from '#operations';
import type { PrismaClient } from '#postgres';
import {
  findImportTexts,
  findPerson,
  projections,
  rebuild,
  RebuildRunning,
  type KnownAccount,
  type Projection,
  type Projectors,
} from '#projections';
import { setTimeout as delay } from 'node:timers/promises';
import { waitForReadModels } from '../http/read-your-writes.js';

export type Asked = { readonly names: readonly string[]; readonly forest?: string | undefined };

export type FoundPerson = {
  readonly accounts: readonly KnownAccount[];
  readonly names: readonly string[];
  readonly forests: readonly string[];
  readonly events: number;
  /** Ids of the keys that there are. */
  readonly subjects: readonly string[];
};

export type Erased = {
  readonly erasure: string;
  readonly keys: number;
  /** Of the last step: whoever reads after it sees pseudonyms. */
  readonly position: number;
};

export type EraserParts = {
  readonly store: EventStore;
  readonly projectors: Projectors;
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  readonly subjectKeys: ErasableSubjectKeys;
  readonly nameKey: NameKey;
  readonly clock: Clock;
};

const OBSERVED = 'observed:';
const REBUILD_PAUSE_MS = 500;
const REBUILD_WAIT_MS_MAX = 600_000;
/** Shorter names stand in too many texts by chance. */
const TEXT_NAME_MIN = 3;

export class PersonEraser {
  readonly #ports: LogPorts;

  constructor(private readonly parts: EraserParts) {
    const { store, nameKey, clock } = parts;
    this.#ports = { store, nameKey, clock };
  }

  /** From read models that have seen all of the log. Throws OperationRefusal OPS_PERSON_UNKNOWN, and a Problem. */
  async find({ names, forest }: Asked): Promise<FoundPerson> {
    const { prisma, subjectKeys, store, projectors } = this.parts;
    await waitForReadModels(projectors, await store.head());
    const known = await Promise.all(names.map((name) => findPerson(prisma, name, forest)));
    const subjects = known.flatMap((person) => person.subjects);
    const allNames = distinct([...subjects.map(({ name }) => name), ...names]);
    const ids = await subjectKeys.find([...subjects, ...(await this.#texts(allNames))]);
    if (ids.length === 0) throw unknown();
    return {
      accounts: known.flatMap(({ accounts }) => accounts),
      names: allNames,
      forests: [...new Set(subjects.map((subject) => subject.forest))].toSorted(),
      events: Math.max(...known.map(({ events }) => events)),
      subjects: ids,
    };
  }

  /**
   * Answers when no read model knows the person any more. The same request asked again goes on where it was left. Throws
   * OperationRefusal: OPS_PERSON_UNKNOWN, OPS_PERSON_ACTIVE, OPS_ERASURE_INVALID.
   */
  async erase(request: CommandRequest, asked: Asked & { readonly reason: string }): Promise<Erased> {
    const { names, forest = null, reason } = asked;
    const recorded = await recordErasure(this.#ports, { request, names, forest, reason }, async () => {
      const found = await this.find(asked);
      for (const account of found.accounts) await this.#demandErasable(account);
      return found;
    });
    const erasure = (await readErasures(this.parts.store)).find((known) => known.erasure === recorded.erasure)!;
    const told = { erasure: erasure.erasure, keys: erasure.subjects.length };
    if (erasure.finished) return { ...told, position: recorded.position };
    await this.parts.subjectKeys.erase(erasure.subjects);
    return { ...told, position: await this.#finish([erasure], request.caller.actor) };
  }

  /**
   * At a start: what an earlier process began, and keys that a restore brought back. The keys are gone when this returns;
   * `finish` does the rest, or leaves it to the next start when `signal` says so.
   */
  async resume(): Promise<{ readonly removed: number; finish(signal: AbortSignal): Promise<void> }> {
    const erasures = await readErasures(this.parts.store);
    const open = erasures.filter(({ finished }) => !finished);
    const removed = await this.parts.subjectKeys.erase(erasures.flatMap(({ subjects }) => subjects));
    return {
      removed,
      finish: async (signal) => {
        if (open.length > 0 || removed > 0) await this.#finish(open, 'kerbtrail', signal);
      },
    };
  }

  /** Steps 3 to 5. Answers with the position of the last step. */
  async #finish(erasures: readonly Erasure[], actor: string, signal?: AbortSignal): Promise<number> {
    await delay(this.parts.subjectKeys.lifeMs + RECENT_EVENTS_LIFE_MS, undefined, signal && { signal });
    for (const projection of projections) {
      signal?.throwIfAborted();
      await this.#rebuild(projection, actor);
    }
    let position = 0;
    for (const { erasure } of erasures) position = await recordErasureFinished(this.#ports, actor, erasure);
    return position;
  }

  /** One that runs already may have read the log before the keys were gone: it is waited for, and then done again. */
  async #rebuild(projection: Projection, actor: string): Promise<void> {
    const { store, pool } = this.parts;
    const deadline = performance.now() + REBUILD_WAIT_MS_MAX;
    for (;;) {
      try {
        const rebuilt = await rebuild({ store, pool, projection });
        const { name, version } = projection;
        await recordRebuild(this.#ports, actor, { projection: name, version, ...rebuilt });
        return;
      } catch (error) {
        if (!(error instanceof RebuildRunning) || performance.now() > deadline) throw error;
        await delay(REBUILD_PAUSE_MS);
      }
    }
  }

  /** An account of ours that lives is needed under its names. Asked of the log: a read model may be behind. */
  async #demandErasable({ forest, account }: KnownAccount): Promise<void> {
    if (forest.startsWith(OBSERVED)) return;
    const state = await loadAccount((stream) => this.parts.store.readStream(stream), account);
    if (!state || state.deleted) return;
    throw new OperationRefusal(
      'OPS_PERSON_ACTIVE',
      `account ${account} of forest ${forest} is in use: delete it first`,
    );
  }

  /** Imports whose file name, or whose unreadable records, hold one of the names: their texts have a key for each import. */
  async #texts(names: readonly string[]): Promise<Subject[]> {
    const parts = names.filter((name) => name.length >= TEXT_NAME_MIN).map((name) => name.toLowerCase());
    const tells = (text: unknown): boolean =>
      typeof text === 'string' && parts.some((part) => text.toLowerCase().includes(part));
    const { imports, quarantine } = await findImportTexts(this.parts.prisma);
    const told = new Set(imports.filter(({ name }) => tells(name)).map((known) => known.import));
    for (const stream of quarantine) {
      for (const { data } of await this.parts.store.readStream(stream)) {
        if (typeof data['import'] === 'string' && [data['raw'], data['reason'], data['name']].some(tells))
          told.add(data['import']);
      }
    }
    return [...told].map((name) => ({ forest: '', name }));
  }
}

/** Of names that differ in case alone, the first. */
function distinct(names: readonly string[]): string[] {
  const byKey = new Map(names.toReversed().map((name) => [name.toLowerCase(), name]));
  return [...byKey.values()].toSorted();
}

function unknown(): OperationRefusal {
  return new OperationRefusal(
    'OPS_PERSON_UNKNOWN',
    'nothing is stored under a key of this person: ask by another of their names, or they were erased before',
  );
}
