/**
 * The directory's tables from the whole log at once: evidence as it comes; then, account by account, what is derived from all of
 * an account's evidence; then, name by name, the duplicates among those names that two accounts ever held. PostgreSQL sorts;
 * in memory is the evidence of one account, or the holdings of one name.
 */
import type { RecordedEvent } from '#event-store';
import {
  ALIAS_POLICY_COLUMNS,
  aliasPeriodsOf,
  duplicateRows,
  type AliasPolicyRow,
} from '../duplicates/rederive-duplicates.js';
import { ForestFacts } from '../forests/forest-rows.js';
import { inGroups } from '../in-groups.js';
import type { BuildTarget } from '../projection.js';
import { accountEvidenceRow, isAccountEvidence } from './account-evidence.js';
import { EVIDENCE_COLUMNS, HOLDING_COLUMNS, type EvidenceRow, type HoldingRow } from './holding-rows.js';
import { deriveAccounts, derivedRows, groupByAccount } from './rederive-accounts.js';

export async function buildDirectory(log: AsyncIterable<readonly RecordedEvent[]>, target: BuildTarget): Promise<void> {
  await writeEvidence(log, target);
  await target.finish('account_evidence', 'forest', 'domain', 'forest_policy');
  await writeAccounts(target);
  await target.finish('spn_holding', 'account', 'finding');
  await writeDuplicates(target);
}

async function writeEvidence(log: AsyncIterable<readonly RecordedEvent[]>, target: BuildTarget): Promise<void> {
  const facts = new ForestFacts();
  for await (const events of log) {
    facts.add(events);
    const evidence = events.filter(({ type }) => isAccountEvidence(type)).map(accountEvidenceRow);
    await target.write('account_evidence', evidence);
  }
  await target.write('forest', facts.forests);
  await target.write('domain', facts.domains);
  await target.write('forest_policy', facts.policies);
}

async function writeAccounts(target: BuildTarget): Promise<void> {
  const evidence = target.read<EvidenceRow>(
    `SELECT ${EVIDENCE_COLUMNS} FROM account_evidence ORDER BY forest, account`,
  );
  for await (const rows of inGroups(evidence, ({ forest, account }) => `${forest}\0${account}`)) {
    for (const [table, derived] of Object.entries(derivedRows(deriveAccounts(groupByAccount(rows)))))
      await target.write(table, derived);
  }
}

async function writeDuplicates(target: BuildTarget): Promise<void> {
  const policies: AliasPolicyRow[] = [];
  for await (const rows of target.read<AliasPolicyRow>(
    `SELECT ${ALIAS_POLICY_COLUMNS} FROM forest_policy ORDER BY version`,
  ))
    policies.push(...rows);
  const periods = aliasPeriodsOf(policies);
  const holdings = target.read<HoldingRow>(
    `SELECT ${HOLDING_COLUMNS} FROM spn_holding JOIN
       (SELECT name, forest FROM spn_holding GROUP BY name, forest HAVING min(account) < max(account)) AS shared
       USING (name, forest) ORDER BY name, forest`,
  );
  for await (const rows of inGroups(holdings, ({ forest, name }) => `${forest}\0${name}`))
    await target.write('spn_duplicate', duplicateRows(rows, periods));
}
