/** Attempts as rows of `attempt`. */
import type { Row } from '../bulk-rows.js';
import { nameKey } from '../name-key.js';
import type { Attempt } from './attempt.js';
import { spnKeyOf } from './evidence.js';

/** Steps and names are written in an order of their own, so that equal attempts are equal rows. */
export function attemptRow(attempt: Attempt): Row {
  const { client, clientName, account, service, spn } = attempt;
  const named = [client, clientName, account, service].filter((name) => name !== null).map(nameKey);
  return {
    id: attempt.id,
    kind: attempt.kind,
    forest: attempt.forest,
    attempted_at: attempt.at,
    failed_at: attempt.failedAt,
    outcome: attempt.outcome,
    failed_step: attempt.failedStep,
    code: attempt.code,
    reason: attempt.reason,
    client,
    client_name: clientName,
    client_key: clientName === null ? null : nameKey(clientName),
    spn,
    spn_key: spn === null ? null : spnKeyOf(spn),
    account,
    service,
    address: attempt.address,
    ticket: attempt.ticket,
    logon: attempt.logon,
    request: attempt.request,
    presentation: attempt.presentation,
    etype: attempt.etype,
    kvno: attempt.kvno,
    service_etype: attempt.serviceEtype,
    service_kvno: attempt.serviceKvno,
    asks: attempt.asks,
    rules: attempt.rules,
    confidence: attempt.confidence,
    steps: attempt.steps,
    names: [...new Set(named)].toSorted(),
    evidence: attempt.evidence,
  };
}
