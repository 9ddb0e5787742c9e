/** One partition of the log: detached once, retired once after that. Pure. */
import { OperationRefusal } from '../operation-refusal.error.js';
import type { OperationEvent } from '../operation.events.js';

type DataOf<Type extends OperationEvent['type']> = Extract<OperationEvent, { type: Type }>['data'];

export type Detachment = DataOf<'PartitionDetached'>;
export type Retirement = DataOf<'PartitionRetired'>;
export type ArchiveState = { readonly detached: Detachment | null; readonly retired: Retirement | null };

/**
 * What retention keeps: forests, accounts and names, so that every decision and every version is what it was, and what operators did.
 * Exchanges, lockouts, observations and reads of the trail may go.
 */
export const KEPT_CATEGORIES: ReadonlySet<string> = new Set(['account', 'forest', 'name', 'operation']);

export function foldArchive(events: readonly OperationEvent[]): ArchiveState {
  return events.reduce<ArchiveState>(
    (state, { type, data }) => {
      if (type === 'PartitionDetached') return { ...state, detached: data };
      if (type === 'PartitionRetired') return { ...state, retired: data };
      return state;
    },
    { detached: null, retired: null },
  );
}

/** No event when it is recorded already: a run that broke off goes on. */
export function detachPartition({ detached }: ArchiveState, wanted: Detachment): OperationEvent[] {
  if (!detached) return [{ type: 'PartitionDetached', data: wanted }];
  if (detached.root === wanted.root) return [];
  throw new OperationRefusal(
    'OPS_ARCHIVE_DIFFERS',
    `the partition from position ${wanted.first} was recorded with another root (${detached.root}) than its files have: run "kerbtrail verify"`,
  );
}

export function retirePartition({ detached, retired }: ArchiveState, wanted: Retirement): OperationEvent[] {
  if (!detached) {
    throw new OperationRefusal(
      'OPS_NOT_ARCHIVED',
      `the partition from position ${wanted.first} is still in the database: archive it first`,
    );
  }
  return retired ? [] : [{ type: 'PartitionRetired', data: wanted }];
}
