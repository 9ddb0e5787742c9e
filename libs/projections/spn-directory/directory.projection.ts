/**
 * Read model of directories, own and observed: evidence per account; derived from it accounts, holdings of SPNs in time,
 * findings; derived from the holdings of a name, duplicates. A page of the log costs a fixed number of statements, whatever its
 * size (a change of policy aside).
 */
import { insertRows } from '../bulk-rows.js';
import { buildDirectory } from './build-directory.js';
import { rederiveDuplicates, rederiveForest } from '../duplicates/rederive-duplicates.js';
import { writeForests } from '../forests/forest-rows.js';
import type { Projection } from '../projection.js';
import { accountEvidenceRow, accountEvidenceTypes, isAccountEvidence } from './account-evidence.js';
import { groupByAccount, rederiveAccounts } from './rederive-accounts.js';

export const directoryProjection: Projection = {
  name: 'directory',
  version: 1,
  tables: [
    'account_evidence',
    'account',
    'spn_holding',
    'spn_duplicate',
    'finding',
    'forest',
    'domain',
    'forest_policy',
  ],
  types: new Set([...accountEvidenceTypes, 'ForestCreated', 'DomainAdded', 'PolicyChanged', 'DirectoryDumped']),
  serial: ({ data }) => String(data['forest']),
  apply: async (tx, events) => {
    const repoliced = await writeForests(tx, events);
    const evidence = events.filter(({ type }) => isAccountEvidence(type)).map(accountEvidenceRow);
    await insertRows(tx, 'account_evidence', evidence);
    await rederiveDuplicates(tx, await rederiveAccounts(tx, groupByAccount(evidence)));
    for (const forest of repoliced) await rederiveForest(tx, forest);
  },
  build: buildDirectory,
};
