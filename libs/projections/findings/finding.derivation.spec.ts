import { describe, expect, it } from '@jest/globals';
import type { AccountEvidence } from '../spn-directory/account-evidence.js';
import { added, created, dumped, removed, replaced } from '../spn-directory/evidence.spec-support.js';
import { deriveHoldings } from '../spn-directory/holding.derivation.js';
import { findingsOf } from './finding.derivation.js';

const WEB = 'HTTP/web1.corp.example';

function kinds(evidence: AccountEvidence[]): string[] {
  return deriveHoldings(evidence).flatMap((holding) => findingsOf(holding).map(({ kind }) => kind));
}

describe('a finding about a holding', () => {
  it.each<[string, AccountEvidence[], string[]]>([
    ['a dump shows what an audited list lacked', [replaced(1), dumped(3, WEB)], ['unaudited-write']],
    [
      'so it stays when an audited list shows it later',
      [replaced(1), dumped(3, WEB), replaced(5, WEB)],
      ['unaudited-write'],
    ],
    ['a dump shows what another dump lacked', [dumped(1), dumped(3, WEB)], ['unaudited-write']],
    ['an audited removal of what a list lacked', [replaced(1), removed(3, WEB)], ['unaudited-write']],
    ['nothing told of the time before the first dump', [dumped(3, WEB)], []],
    ['an audited add', [created(1), added(2, WEB), dumped(3, WEB)], []],
    ['an audited list', [created(1), replaced(2, WEB)], []],
    ['an invisible character', [created(1), added(2, `${WEB}\u200c`)], ['invisible-character']],
  ])('%s', (_, evidence, expected) => expect(kinds(evidence)).toEqual(expected));

  it('names the invisible code points and where they stand', () => {
    const [holding] = deriveHoldings([created(1), added(2, 'HTTP/web\u200b1')]);
    expect(findingsOf(holding!)).toEqual([
      {
        kind: 'invisible-character',
        spn: 'HTTP/web\u200b1',
        detail: { codePoints: [{ codePoint: 'U+200B', offset: 8 }] },
      },
    ]);
  });
});
