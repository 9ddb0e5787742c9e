/** Findings about one holding as rows of `finding`. */
import type { Row } from '../bulk-rows.js';
import type { AccountKey } from '../spn-directory/holding-rows.js';
import type { Holding } from '../spn-directory/holding.derivation.js';
import { findingsOf } from './finding.derivation.js';

export function findingRows({ forest, account }: AccountKey, holding: Holding): Row[] {
  return findingsOf(holding).map(({ kind, spn, detail }) => ({
    forest,
    kind,
    account,
    write_key: holding.writeKey,
    episode: holding.episode,
    spn,
    began_after: holding.beganAfter,
    began_by: holding.beganBy,
    ended_after: holding.endedAfter,
    ended_by: holding.endedBy,
    detail,
  }));
}
