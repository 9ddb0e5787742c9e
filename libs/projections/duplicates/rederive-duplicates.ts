/** From holdings to duplicates, for all names of a page at once. */
import type { PoolClient } from 'pg';
import type { AliasMap } from '#spn';
import { insertRows, type Row } from '../bulk-rows.js';
import { HOLDING_COLUMNS, toHolding, type HoldingRow } from '../spn-directory/holding-rows.js';
import type { NameKey } from '../spn-directory/rederive-accounts.js';
import { toAliasPeriods, type AliasPeriods } from './alias-periods.js';
import { deriveDuplicates, type Duplicate, type Member } from './duplicate.derivation.js';

const NAMES = 'SELECT * FROM unnest($1::text[], $2::text[])';
const NAMES_PER_STEP = 1_000;

export async function rederiveDuplicates(tx: PoolClient, names: readonly NameKey[]): Promise<void> {
  if (names.length === 0) return;
  const keys = [names.map(({ forest }) => forest), names.map(({ name }) => name)];
  // Most names have one holder: two look-ups at the ends of an index tell.
  const { rows } = await tx.query<HoldingRow>(
    `SELECT ${HOLDING_COLUMNS} FROM spn_holding WHERE (forest, name) IN
       (SELECT f, n FROM unnest($1::text[], $2::text[]) AS named (f, n), LATERAL
          (SELECT min(account) AS first, max(account) AS last FROM spn_holding WHERE forest = f AND name = n) AS holders
        WHERE first < last)`,
    keys,
  );
  const members = new Map<string, NameKey & { members: Member[] }>();
  for (const row of rows) {
    const { forest, name } = row;
    const group = members.get(`${forest}\0${name}`) ?? { forest, name, members: [] };
    group.members.push(toHolding(row));
    members.set(`${forest}\0${name}`, group);
  }
  const periods = await readAliasPeriods(tx, [...new Set(names.map(({ forest }) => forest))]);
  const duplicates = [...members.values()].flatMap(({ forest, name, members }) =>
    deriveDuplicates(members, periods.of(forest)).map((duplicate) => duplicateRow(forest, name, duplicate)),
  );
  await tx.query(`DELETE FROM spn_duplicate WHERE (forest, name) IN (${NAMES})`, keys);
  await insertRows(tx, 'spn_duplicate', duplicates);
}

/** Another alias map: every name of the forest that ever had two holders, a bounded number at a time. */
export async function rederiveForest(tx: PoolClient, forest: string): Promise<void> {
  for (let after = ''; ;) {
    const { rows } = await tx.query<{ name: string }>(
      `SELECT name FROM spn_holding WHERE forest = $1 AND name > $2 GROUP BY name HAVING min(account) < max(account)
        ORDER BY name LIMIT $3`,
      [forest, after, NAMES_PER_STEP],
    );
    const last = rows.at(-1);
    if (!last) return;
    await rederiveDuplicates(
      tx,
      rows.map(({ name }) => ({ forest, name })),
    );
    after = last.name;
  }
}

async function readAliasPeriods(tx: PoolClient, forests: readonly string[]): Promise<AliasPeriods> {
  const { rows } = await tx.query<{ forest: string; since: string; aliases: AliasMap }>(
    `SELECT forest, since::text, policy -> 'aliases' AS aliases FROM forest_policy WHERE forest = ANY ($1) ORDER BY version`,
    [forests],
  );
  return toAliasPeriods(rows.map((row) => ({ ...row, since: BigInt(row.since) })));
}

function duplicateRow(forest: string, name: string, duplicate: Duplicate): Row {
  return {
    forest,
    kind: duplicate.kind,
    key: duplicate.key,
    episode: duplicate.episode,
    name,
    lookup_keys: duplicate.lookupKeys,
    possible_from: duplicate.possible.from,
    possible_to: duplicate.possible.to,
    certain_from: duplicate.certain?.from,
    certain_to: duplicate.certain?.to,
  };
}
