/**
 * The alias map that held when. A forest that told no policy gets Active Directory's default, assumed: neither dumps nor
 * audit logs hold sPNMappings.
 */
import { defaultAliasMap, resolveAlias, type AliasMap } from '#spn';
import type { AliasPeriod } from './duplicate.derivation.js';

/** A policy of a forest, from an instant on. */
export type AliasPolicy = { readonly forest: string; readonly since: bigint; readonly aliases: AliasMap };

export type AliasPeriods = {
  of(forest: string): readonly AliasPeriod[];
  at(forest: string, at: bigint): AliasMap;
  /** The classes to which any of these maps maps this one. */
  targetsOf(serviceClass: string): string[];
  /** Nobody told the forest's map. */
  isAssumed(forest: string): boolean;
};

const ASSUMED: readonly AliasPeriod[] = [{ from: null, map: defaultAliasMap }];

/** Policies of each forest in order of time. The first one held since ever: there was no SPN before it. */
export function toAliasPeriods(policies: readonly AliasPolicy[]): AliasPeriods {
  const told = new Map<string, AliasPeriod[]>();
  for (const { forest, since, aliases } of policies) {
    const before = told.get(forest) ?? [];
    told.set(forest, [...before, { from: before.length === 0 ? null : since, map: aliases }]);
  }
  const of = (forest: string): readonly AliasPeriod[] => told.get(forest) ?? ASSUMED;
  return {
    of,
    at: (forest, at) => of(forest).findLast(({ from }) => from === null || from <= at)?.map ?? defaultAliasMap,
    targetsOf: (serviceClass) => {
      const targets = [...ASSUMED, ...[...told.values()].flat()].map(({ map }) => resolveAlias(map, serviceClass));
      return [...new Set(targets.flatMap((target) => target ?? []))];
    },
    isAssumed: (forest) => !told.has(forest),
  };
}
