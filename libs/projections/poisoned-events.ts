/**
 * The events that one projection cannot apply: each has a dead letter (libs/operations) and holds its readers up until an
 * operator has decided, tried again or left out for good. An audit trail does not skip silently.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import type { EventStore } from '#event-store';
import { closeDeadLetter, deadLetterStatus, openDeadLetter, skippedPositions, unsettledLetters } from '#operations';
import { readPosition } from './from-kafka/partition-place.js';
import type { Projection } from './projection.js';

export class PoisonedEvents {
  #skipped: ReadonlySet<number> = new Set();
  #letters: ReadonlyMap<number, string> = new Map();

  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
    private readonly projection: Projection,
  ) {}

  /** What was decided so far. */
  async load(): Promise<void> {
    const { name, version } = this.projection;
    this.#skipped = await skippedPositions(this.store, name);
    this.#letters = await unsettledLetters(this.pool, name, version);
  }

  /** Without those that an operator has told this projection to leave out. */
  leaveOut<Item extends { readonly position: number }>(items: readonly Item[]): readonly Item[] {
    return this.#skipped.size === 0 ? items : items.filter(({ position }) => !this.#skipped.has(position));
  }

  /** In the transaction that applies them: what was poisoned is no more. Throws SkippedMeanwhile, and nothing is applied. */
  async settle(tx: PoolClient, events: readonly { readonly position: number }[]): Promise<void> {
    if (this.#letters.size === 0) return;
    for (const { position } of events) {
      const letter = this.#letters.get(position);
      if (letter === undefined || (await closeDeadLetter(tx, letter))) continue;
      throw new SkippedMeanwhile(position);
    }
  }

  /** In the transaction of a rebuild that has got past them. Throws SkippedMeanwhile. */
  async settleThrough(tx: PoolClient, position: number): Promise<void> {
    this.#letters = await unsettledLetters(tx, this.projection.name, this.projection.version);
    const passed = [...this.#letters.keys()].filter((poisoned) => poisoned <= position);
    await this.settle(tx, this.leaveOut(passed.map((poisoned) => ({ position: poisoned }))));
  }

  /** Opens the event's letter, or counts one try more. */
  async open(position: number, error: unknown): Promise<void> {
    const { name, version } = this.projection;
    const why = { code: codeOf(error), reason: reasonOf(error) };
    await openDeadLetter(this.pool, { kind: 'event', projection: name, projectionVersion: version, position, ...why });
    await this.load();
  }

  /** Whether there is a reason to try on: an operator has decided, or the projection was rebuilt past the event. */
  async isDecided(position: number): Promise<boolean> {
    const letter = this.#letters.get(position);
    const isPassed = (await readPosition(this.pool, this.projection)) >= position;
    if (letter !== undefined && isPassed) await closeDeadLetter(this.pool, letter);
    const isOpen = letter !== undefined && !isPassed && (await deadLetterStatus(this.pool, letter)) === 'open';
    if (!isOpen) await this.load();
    return !isOpen;
  }
}

/** The page is read again, and leaves the event out. */
export class SkippedMeanwhile extends Error {
  readonly code = 'PROJ_SKIPPED_MEANWHILE';
  readonly mayPass = true;
  constructor(position: number) {
    super(`event ${position} was skipped by an operator while it was tried again: it is left out`);
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'PROJ_EVENT_POISONED';
}

/** Messages of PostgreSQL and of the runtime quote values of the event: those stay in the log. */
function reasonOf(error: unknown): string {
  if (error instanceof DatabaseError) {
    const where = [error.table, error.column, error.constraint].filter((part) => part !== undefined).join(', ');
    return `PostgreSQL refused the rows (SQLSTATE ${error.code ?? 'unknown'}${where && `: ${where}`})`;
  }
  if (error instanceof Error && 'code' in error && /^(ES|PROJ|KEY)_/.test(String(error.code))) return error.message;
  return `the projection failed with ${error instanceof Error ? error.name : typeof error}: the server's log says where`;
}
