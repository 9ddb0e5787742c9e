/** The fact that an SPN write rests on beside forest and account: who holds names that may meet the new ones. */
import type { Load } from '#event-store';
import { loadHoldings } from '../load.js';
import { spnStream, upnStream } from '../name/name-streams.js';
import { spnHoldings } from '../name/name.decider.js';
import type { NameKey } from '../secret/name-key.js';
import { isSpn, type Rivals } from './spn-write.decider.js';

/** By SPN; none for a text that is no SPN. */
export async function loadRivals(
  load: Load,
  nameKey: NameKey,
  forest: string,
  spns: readonly string[],
): Promise<ReadonlyMap<string, Rivals>> {
  const rivals = [...new Set(spns)].filter(isSpn).map(async (spn): Promise<[string, Rivals]> => {
    const [holdings, upnHoldings] = await Promise.all([
      loadHoldings(load, spnStream(forest, spn)),
      loadHoldings(load, upnStream(nameKey, forest, spn)),
    ]);
    return [spn, { holdings: spnHoldings(holdings), upnAccounts: upnHoldings.map(({ account }) => account) }];
  });
  return new Map(await Promise.all(rivals));
}
