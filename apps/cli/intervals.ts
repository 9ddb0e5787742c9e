/** When something began and ended, in words: exactly, or only between two instants, or not known (architecture §6, "Time"). */

export type Interval = {
  readonly beganAfter: string | null;
  readonly beganBy: string | null;
  readonly endedAfter: string | null;
  readonly endedBy: string | null;
};

export function began({ beganAfter, beganBy }: Interval): string {
  if (beganBy === null) return beganAfter === null ? 'not known' : `after ${beganAfter}`;
  if (beganAfter === null) return `by ${beganBy}`;
  return beganAfter === beganBy ? beganBy : `after ${beganAfter},\nby ${beganBy}`;
}

export function ended({ endedAfter, endedBy }: Interval): string {
  if (endedBy === null) return endedAfter === null ? 'still' : `after ${endedAfter}`;
  if (endedAfter === null) return `by ${endedBy}`;
  return endedAfter === endedBy ? endedBy : `after ${endedAfter},\nby ${endedBy}`;
}
