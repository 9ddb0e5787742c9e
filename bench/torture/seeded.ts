/** Numbers that look random and are the same for the same seed: what a torture run does is decided by its seed. */

export type Seeded = {
  /** A whole number from `from` to `to`, both possible. */
  between(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
};

/** mulberry32 (32 bits of state, public domain); `label` gives each part of a run a sequence of its own. */
export function seeded(seed: number, label: string): Seeded {
  let state = seed >>> 0;
  for (const character of label) state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return { between, pick: (from) => from[between(0, from.length - 1)]! };
}
