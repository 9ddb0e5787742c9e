/**
 * From new evidence to accounts, holdings and findings, for all accounts of a page at once. Evidence that comes after all that
 * was known of its account is folded on to what stands in the tables; late evidence (a source imported after another that
 * tells of later times) makes the account be derived from its whole evidence. Both give the same rows.
 */
import type { PoolClient } from 'pg';
import {
  ACCOUNT_COLUMNS,
  accountRow,
  toAccountFold,
  type AccountFold,
  type AccountRow,
} from '../accounts/account-rows.js';
import { foldAccount } from '../accounts/account.derivation.js';
import { insertRows, type Row } from '../bulk-rows.js';
import { compareEvidence } from '../evidence-order.js';
import { findingRows } from '../findings/finding-rows.js';
import type { Interval } from '../interval.js';
import type { AccountEvidence } from './account-evidence.js';
import { foldHoldings, type Holding } from './holding.derivation.js';
import {
  EVIDENCE_COLUMNS,
  HOLDING_COLUMNS,
  holdingRow,
  toEvidence,
  toHolding,
  type AccountKey,
  type EvidenceRow,
  type HoldingRow,
} from './holding-rows.js';
import { spnIndexKeys } from './spn-index-keys.js';

/** A name of which a holder changed: what may have made or unmade a duplicate. */
export type NameKey = { readonly forest: string; readonly name: string };

export type AccountFacts = AccountKey & { readonly evidence: readonly AccountEvidence[] };
type AccountHolding = AccountKey & Holding;
export type DerivedAccount = AccountKey & { readonly fold: AccountFold; readonly holdings: readonly AccountHolding[] };
type Change = { readonly replaced: readonly AccountHolding[]; readonly derived: readonly DerivedAccount[] };

/** New evidence by account, which stands in its table already. Gives the names of which an interval changed. */
export async function rederiveAccounts(tx: PoolClient, accounts: readonly AccountFacts[]): Promise<NameKey[]> {
  const folds = await readFolds(tx, accounts);
  const isLate = ({ evidence, ...key }: AccountFacts): boolean => {
    const last = folds.get(keyOf(key))?.account.last;
    return last !== undefined && evidence.some((fact) => compareEvidence(fact, last) < 0);
  };
  const changes = [
    await deriveAnew(tx, accounts.filter(isLate)),
    await foldOn(
      tx,
      accounts.filter((account) => !isLate(account)),
      folds,
    ),
  ];
  const replaced = changes.flatMap((change) => change.replaced);
  const derived = changes.flatMap((change) => change.derived);
  await deleteFindings(tx, replaced);
  await tx.query(`DELETE FROM account WHERE (forest, account) IN (${KEYS})`, columns(derived, ['forest', 'account']));
  for (const [table, rows] of Object.entries(derivedRows(derived))) await insertRows(tx, table, rows);
  return changedNames(
    replaced,
    derived.flatMap(({ holdings }) => holdings),
  );
}

/** All evidence of each of these accounts. */
export function deriveAccounts(accounts: readonly AccountFacts[]): DerivedAccount[] {
  return accounts.map((facts) => derive(facts, undefined, []));
}

/** The rows of each table that is derived from an account's evidence. */
export function derivedRows(derived: readonly DerivedAccount[]): Record<'account' | 'spn_holding' | 'finding', Row[]> {
  const holdings = derived.flatMap((account) => account.holdings);
  return {
    account: derived.map((account) => accountRow(account, account.fold)),
    spn_holding: holdings.map((holding) => holdingRow(holding, holding)),
    finding: holdings.flatMap((holding) => findingRows(holding, holding)),
  };
}

/** Evidence of several accounts, by account. */
export function groupByAccount(rows: readonly EvidenceRow[]): AccountFacts[] {
  const groups = new Map<string, AccountKey & { evidence: AccountEvidence[] }>();
  for (const row of rows) {
    const { forest, account } = row;
    const group = groups.get(keyOf(row)) ?? { forest, account, evidence: [] };
    group.evidence.push(toEvidence(row));
    groups.set(keyOf(row), group);
  }
  return [...groups.values()];
}

async function deriveAnew(tx: PoolClient, accounts: readonly AccountKey[]): Promise<Change> {
  if (accounts.length === 0) return { replaced: [], derived: [] };
  const keys = columns(accounts, ['forest', 'account']);
  const evidence = await tx.query<EvidenceRow>(
    `SELECT ${EVIDENCE_COLUMNS} FROM account_evidence WHERE (forest, account) IN (${KEYS})`,
    keys,
  );
  const replaced = await tx.query<HoldingRow>(
    `DELETE FROM spn_holding WHERE (forest, account) IN (${KEYS}) RETURNING ${HOLDING_COLUMNS}`,
    keys,
  );
  return { replaced: replaced.rows.map(toHolding), derived: deriveAccounts(groupByAccount(evidence.rows)) };
}

async function foldOn(
  tx: PoolClient,
  accounts: readonly AccountFacts[],
  folds: ReadonlyMap<string, AccountFold>,
): Promise<Change> {
  const last = await readLastHoldings(
    tx,
    accounts.filter((account) => folds.has(keyOf(account))),
  );
  const derived = accounts.map((facts) => derive(facts, folds.get(keyOf(facts)), last.get(keyOf(facts)) ?? []));
  const replaced = await tx.query<HoldingRow>(
    `DELETE FROM spn_holding WHERE (forest, account, write_key, episode) IN
       (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])) RETURNING ${HOLDING_COLUMNS}`,
    columns(
      derived.flatMap(({ holdings }) => holdings),
      ['forest', 'account', 'writeKey', 'episode'],
    ),
  );
  return { replaced: replaced.rows.map(toHolding), derived };
}

function derive(
  { forest, account, evidence }: AccountFacts,
  before: AccountFold | undefined,
  last: readonly Holding[],
): DerivedAccount {
  const attributes = foldAccount(before?.account, evidence);
  const { listedAt, written } = foldHoldings({ listedAt: before?.listedAt ?? null, last }, evidence);
  const holdings = written.map((holding) => ({ ...holding, forest, account }));
  return { forest, account, fold: { account: attributes, listedAt }, holdings };
}

async function readFolds(tx: PoolClient, accounts: readonly AccountKey[]): Promise<Map<string, AccountFold>> {
  const { rows } = await tx.query<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM account WHERE (forest, account) IN (${KEYS})`,
    columns(accounts, ['forest', 'account']),
  );
  return new Map(rows.map((row) => [keyOf(row), toAccountFold(row)]));
}

/** What the folding needs: the holdings that stand, and the last one of each value that the evidence names. */
async function readLastHoldings(
  tx: PoolClient,
  accounts: readonly AccountFacts[],
): Promise<Map<string, AccountHolding[]>> {
  const last = new Map<string, AccountHolding[]>();
  if (accounts.length === 0) return last;
  const named = accounts.flatMap(({ forest, account, evidence }) => {
    const writeKeys = new Set(evidence.flatMap(({ spns }) => spns.map((spn) => spnIndexKeys(spn).writeKey)));
    return [...writeKeys].map((writeKey) => ({ forest, account, writeKey }));
  });
  const { rows } = await tx.query<HoldingRow>(
    `SELECT ${HOLDING_COLUMNS} FROM spn_holding WHERE (forest, account) IN (${KEYS}) AND ended_by IS NULL
      UNION
     SELECT ${HOLDING_COLUMNS} FROM unnest($3::text[], $4::text[], $5::text[]) AS named (f, a, w), LATERAL
       (SELECT * FROM spn_holding WHERE forest = f AND account = a AND write_key = w ORDER BY episode DESC LIMIT 1) AS last`,
    [...columns(accounts, ['forest', 'account']), ...columns(named, ['forest', 'account', 'writeKey'])],
  );
  for (const row of rows) last.set(keyOf(row), [...(last.get(keyOf(row)) ?? []), toHolding(row)]);
  return last;
}

async function deleteFindings(tx: PoolClient, replaced: readonly AccountHolding[]): Promise<void> {
  if (replaced.length === 0) return;
  await tx.query(
    `DELETE FROM finding WHERE (forest, account, write_key, episode) IN
       (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]))`,
    columns(replaced, ['forest', 'account', 'writeKey', 'episode']),
  );
}

/** Names of holdings that are new, gone, or have another interval than before. */
function changedNames(before: readonly AccountHolding[], after: readonly AccountHolding[]): NameKey[] {
  const changed = new Map(after.map((holding) => [holdingKey(holding), holding]));
  for (const holding of before) {
    const key = holdingKey(holding);
    const now = changed.get(key);
    if (!now) changed.set(key, holding);
    else if (hasSameInterval(holding, now)) changed.delete(key);
  }
  return [
    ...new Map([...changed.values()].map(({ forest, name }) => [`${forest}\0${name}`, { forest, name }])).values(),
  ];
}

function holdingKey({ forest, account, writeKey, episode }: AccountHolding): string {
  return `${forest}\0${account}\0${writeKey}\0${episode}`;
}

function hasSameInterval(a: Interval, b: Interval): boolean {
  return (
    a.beganAfter === b.beganAfter && a.beganBy === b.beganBy && a.endedAfter === b.endedAfter && a.endedBy === b.endedBy
  );
}

const KEYS = 'SELECT * FROM unnest($1::text[], $2::text[])';

/** Columns for unnest. */
function columns<Row, Column extends keyof Row>(rows: readonly Row[], names: readonly Column[]): Row[Column][][] {
  return names.map((name) => rows.map((row) => row[name]));
}

function keyOf({ forest, account }: AccountKey): string {
  return `${forest}\0${account}`;
}
