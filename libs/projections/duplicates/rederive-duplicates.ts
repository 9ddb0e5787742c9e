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
  const keys = [names.map(({ name }) => name), names.map(({ forest }) => forest)];
  // Most names have one holder: two look-ups at the ends of an index tell.
  const { rows } = await tx.query<HoldingRow>(
    `SELECT ${HOLDING_COLUMNS} FROM spn_holding WHERE (name, forest) IN
       (SELECT n, f FROM unnest($1::text[], $2::text[]) AS named (n, f), LATERAL
          (SELECT min(account) AS first, max(account) AS last FROM spn_holding WHERE forest = f AND name = n) AS holders
        WHERE first < last)`,
    keys,
  );
  const policies = await tx.query<AliasPolicyRow>(
    `SELECT ${ALIAS_POLICY_COLUMNS} FROM forest_policy WHERE forest = ANY ($1) ORDER BY version`,
    [[...new Set(names.map(({ forest }) => forest))]],
  );
  await replaceDuplicates(tx, keys, duplicateRows(rows, aliasPeriodsOf(policies.rows)));
}

/** Of names with all their holdings. */
export function duplicateRows(holdings: readonly HoldingRow[], periods: AliasPeriods): Row[] {
  const names = new Map<string, NameKey & { members: Member[] }>();
  for (const row of holdings) {
    const { forest, name } = row;
    const group = names.get(`${forest}\0${name}`) ?? { forest, name, members: [] };
    group.members.push(toHolding(row));
    names.set(`${forest}\0${name}`, group);
  }
  return [...names.values()].flatMap(({ forest, name, members }) =>
    deriveDuplicates(members, periods.of(forest)).map((duplicate) => duplicateRow(forest, name, duplicate)),
  );
}

/** Most of a busy name's duplicates are over for good: what stays the same is not written again. */
async function replaceDuplicates(tx: PoolClient, keys: readonly string[][], duplicates: readonly Row[]): Promise<void> {
  const { rows } = await tx.query<DuplicateRow>(
    `SELECT ${DUPLICATE_COLUMNS} FROM spn_duplicate WHERE (name, forest) IN (${NAMES})`,
    [...keys],
  );
  const before = new Set(rows.map(contentOf));
  const after = new Set(duplicates.map(contentOf));
  const gone = rows.filter((row) => !after.has(contentOf(row)));
  if (gone.length > 0) {
    await tx.query(
      `DELETE FROM spn_duplicate WHERE (forest, kind, key, episode) IN
         (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]))`,
      (['forest', 'kind', 'key', 'episode'] as const).map((column) => gone.map((row) => row[column])),
    );
  }
  await insertRows(
    tx,
    'spn_duplicate',
    duplicates.filter((row) => !before.has(contentOf(row))),
  );
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

export const ALIAS_POLICY_COLUMNS = `forest, since::text, policy -> 'aliases' AS aliases`;

export type AliasPolicyRow = { readonly forest: string; readonly since: string; readonly aliases: AliasMap };

/** Those of a forest in the order of their versions. */
export function aliasPeriodsOf(rows: readonly AliasPolicyRow[]): AliasPeriods {
  return toAliasPeriods(rows.map((row) => ({ ...row, since: BigInt(row.since) })));
}

const DUPLICATE_COLUMNS = `forest, kind, key, episode, name, lookup_keys, possible_from::text, possible_to::text,
  certain_from::text, certain_to::text`;

type DuplicateRow = Row & {
  readonly forest: string;
  readonly kind: string;
  readonly key: string;
  readonly episode: number;
};

/** Both kinds of rows have the columns in this order. */
function contentOf(row: Row): string {
  return JSON.stringify(Object.values(row));
}

function duplicateRow(forest: string, name: string, duplicate: Duplicate): Row {
  const text = (at: bigint | null | undefined) => at?.toString() ?? null;
  return {
    forest,
    kind: duplicate.kind,
    key: duplicate.key,
    episode: duplicate.episode,
    name,
    lookup_keys: duplicate.lookupKeys,
    possible_from: text(duplicate.possible.from),
    possible_to: text(duplicate.possible.to),
    certain_from: text(duplicate.certain?.from),
    certain_to: text(duplicate.certain?.to),
  };
}
