/**
 * Keys of subjects in memory, bounded, and each for a few seconds only: a key that another process erased goes out of use
 * without a word between the two. What many callers ask for at once is one query.
 */
import { Batch, type Subject, type SubjectKey, type SubjectKeys } from '#event-store';

const KEYS_MAX = 20_000;
const QUESTIONS_MAX = 1_000;

type Kept<Value> = { readonly value: Value; readonly until: number };

export type CacheOptions = SubjectKeys & { readonly lifeMs: number };

export class SubjectKeyCache implements SubjectKeys {
  readonly #byName = new Map<string, Kept<SubjectKey>>();
  /** Null: there is no such key (any more). */
  readonly #byId = new Map<string, Kept<SubjectKey | null>>();
  readonly #named: Batch<Subject, SubjectKey>;
  readonly #identified: Batch<string, SubjectKey | null>;
  /** Counted up by `clear`: what was asked for before is not kept after. */
  #generation = 0;

  constructor(private readonly options: CacheOptions) {
    this.#named = new Batch((subjects) => this.#askNamed(subjects), QUESTIONS_MAX);
    this.#identified = new Batch((ids) => this.#askIdentified(ids), QUESTIONS_MAX);
  }

  async ensure(subjects: readonly Subject[]): Promise<readonly SubjectKey[]> {
    const now = performance.now();
    const known = subjects.map((subject) => live(this.#byName, nameOf(subject), now));
    if (known.every((key) => key !== undefined)) return known;
    return Promise.all(subjects.map((subject, n) => known[n] ?? this.#named.ask(subject)));
  }

  async byId(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectKey>> {
    const now = performance.now();
    const found = new Map<string, SubjectKey>();
    const missing: string[] = [];
    for (const id of ids) {
      const key = live(this.#byId, id, now);
      if (key === undefined) missing.push(id);
      else if (key !== null) found.set(id, key);
    }
    const asked = await Promise.all(missing.map((id) => this.#identified.ask(id)));
    for (const key of asked) if (key) found.set(key.id, key);
    return found;
  }

  clear(): void {
    this.#generation++;
    this.#byName.clear();
    this.#byId.clear();
  }

  async #askNamed(subjects: readonly Subject[]): Promise<readonly SubjectKey[]> {
    const keep = this.#keeper();
    const distinct = new Map(subjects.map((subject) => [nameOf(subject), subject]));
    const keys = await this.options.ensure([...distinct.values()]);
    const byName = new Map([...distinct.keys()].map((name, n) => [name, keys[n]!]));
    for (const [name, key] of byName) keep(this.#byName, name, key);
    return subjects.map((subject) => byName.get(nameOf(subject))!);
  }

  async #askIdentified(ids: readonly string[]): Promise<readonly (SubjectKey | null)[]> {
    const keep = this.#keeper();
    const keys = await this.options.byId([...new Set(ids)]);
    for (const id of ids) keep(this.#byId, id, keys.get(id) ?? null);
    return ids.map((id) => keys.get(id) ?? null);
  }

  /** Life is counted from before the question: an answer may have been true only then. */
  #keeper(): <Value>(kept: Map<string, Kept<Value>>, name: string, value: Value) => void {
    const generation = this.#generation;
    const until = performance.now() + this.options.lifeMs;
    return (kept, name, value) => {
      if (generation !== this.#generation) return;
      kept.delete(name);
      const [oldest] = kept.keys();
      if (kept.size >= KEYS_MAX && oldest !== undefined) kept.delete(oldest);
      kept.set(name, { value, until });
    };
  }
}

function live<Value>(kept: ReadonlyMap<string, Kept<Value>>, name: string, now: number): Value | undefined {
  const found = kept.get(name);
  return found && found.until > now ? found.value : undefined;
}

function nameOf({ forest, name }: Subject): string {
  return `${forest}\0${name}`;
}
