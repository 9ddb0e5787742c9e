/** The five files of the sample recording in all of their 120 orders, at the level of the derivations. */
import { describe, expect, it } from '@jest/globals';
import { defaultAliasMap } from '#spn';
import { deriveDuplicates } from '../duplicates/duplicate.derivation.js';
import { sampleEvents, sampleFiles } from '../sample-recording.spec-support.js';
import { accountEvidenceRow, isAccountEvidence, type AccountEvidenceRow } from './account-evidence.js';
import { deriveHoldings } from './holding.derivation.js';
import { groupByAccount } from './rederive-accounts.js';

function derive(rows: readonly AccountEvidenceRow[]): unknown {
  const holdings = groupByAccount(rows)
    .toSorted((a, b) => (a.account < b.account ? -1 : 1))
    .flatMap(({ account, evidence }) => deriveHoldings(evidence).map((holding) => ({ ...holding, account })));
  const names = [...new Set(holdings.map(({ name }) => name))].toSorted();
  const duplicates = names.flatMap((name) =>
    deriveDuplicates(
      holdings.filter((holding) => holding.name === name),
      [{ from: null, map: defaultAliasMap }],
    ),
  );
  return { holdings, duplicates };
}

function permutations<T>(values: readonly T[]): T[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value) => permutations(values.filter((one) => one !== value)).map((rest) => [value, ...rest]));
}

describe('the sample recording', () => {
  it('gives the same holdings and duplicates in every order of its files', async () => {
    const files: AccountEvidenceRow[][] = [];
    for (const name of sampleFiles) {
      const events = await sampleEvents([name]);
      files.push(events.filter(({ type }) => isAccountEvidence(type)).map(accountEvidenceRow));
    }
    const expected = derive(files.flat());
    const orders = permutations(files);
    expect(orders).toHaveLength(120);
    for (const order of orders) expect(derive(order.flat())).toEqual(expected);
  });
});
