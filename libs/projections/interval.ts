/**
 * A half-open interval of time whose ends are known exactly or only to lie between two instants (architecture §6, "Time"),
 * and the answer it gives as of an instant: yes, no or not known, never a guess. Instants are nanoseconds since 1970.
 */
import { nanosToInstant } from '#event-store';

export type Interval = {
  /** Not yet at this instant; null: what was before `beganBy` is not known. Equal to `beganBy` where the begin is exact. */
  readonly beganAfter: bigint | null;
  readonly beganBy: bigint;
  /** Still at this instant; null: no end is known. Equal to `endedBy`, and then the first instant without, where the end is exact. */
  readonly endedAfter: bigint | null;
  readonly endedBy: bigint | null;
};

export type Answer = 'yes' | 'no' | 'not-known';

/** From (inclusive, null: since ever) to (exclusive, null: until now). */
export type Span = { readonly from: bigint | null; readonly to: bigint | null };

export function answerAt(interval: Interval, at: bigint): Answer {
  const { beganAfter, beganBy, endedAfter, endedBy } = interval;
  if (endedBy !== null && at >= endedBy) return 'no';
  if (at < beganBy) return beganAfter !== null && at <= beganAfter ? 'no' : 'not-known';
  return endedAfter === null || at <= endedAfter ? 'yes' : 'not-known';
}

/** Where the answer is not "no". */
export function possibleSpan({ beganAfter, beganBy, endedBy }: Interval): Span {
  const from = beganAfter === null || beganAfter === beganBy ? beganAfter : beganAfter + 1n;
  return { from, to: endedBy };
}

/** Where the answer is "yes". Empty (`from` = `to`) when it is so nowhere. */
export function certainSpan({ beganBy, endedAfter, endedBy }: Interval): { from: bigint; to: bigint | null } {
  return { from: beganBy, to: endedAfter === null || endedAfter === endedBy ? endedBy : endedAfter + 1n };
}

/** The interval of which these are the spans; `beganBy` is null where it is certain nowhere. */
export function intervalOf(possible: Span, certain: Span | null): { [End in keyof Interval]: bigint | null } {
  const { from, to } = possible;
  const isExactBegin = certain !== null && from === certain.from;
  const isExactEnd = certain !== null && to === certain.to;
  return {
    beganAfter: from === null || isExactBegin ? from : from - 1n,
    beganBy: certain?.from ?? null,
    endedAfter: isExactEnd ? to : certain === null || certain.to === null ? null : certain.to - 1n,
    endedBy: to,
  };
}

export type IntervalText = { readonly [End in keyof Interval]: string | null };

export function intervalText(interval: { readonly [End in keyof Interval]: bigint | null }): IntervalText {
  const text = (nanos: bigint | null) => (nanos === null ? null : nanosToInstant(nanos));
  return {
    beganAfter: text(interval.beganAfter),
    beganBy: text(interval.beganBy),
    endedAfter: text(interval.endedAfter),
    endedBy: text(interval.endedBy),
  };
}
