/**
 * The facts of one JSON audit line. The lines have a text twin each, which is not read: one of the two is enough.
 * A password reset is told twice, as a dsdbChange and as a passwordChange of the same transaction: the first one counts.
 */
import type { Mapped } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import type { AuditLine, Authentication, DsdbChange, DsdbTransaction, PasswordChange } from './audit-json.js';
import { readDirectoryChange } from './directory-change.js';
import { endpoint } from './kdc-line.js';

const TRANSACTIONS_MAX = 1_024;
const PASSWORD_ACTIONS = new Set(['Change', 'Reset']);

/** The last transactions under which facts were read. What is said of a transaction later follows it closely. */
export class RecentTransactions {
  readonly #setPassword = new Map<string, boolean>();

  remember(transaction: string, setPassword: boolean): void {
    const [oldest] = this.#setPassword.keys();
    if (this.#setPassword.size >= TRANSACTIONS_MAX && oldest !== undefined) this.#setPassword.delete(oldest);
    this.#setPassword.set(transaction, setPassword || this.setPassword(transaction));
  }

  has(transaction: string): boolean {
    return this.#setPassword.has(transaction);
  }

  setPassword(transaction: string): boolean {
    return this.#setPassword.get(transaction) ?? false;
  }
}

/** Undefined: the line says nothing in our vocabulary. Throws UnreadableRecord. */
export function readAuditFacts(line: AuditLine, occurredAt: string, recent: RecentTransactions): Mapped | undefined {
  switch (line.type) {
    case 'dsdbChange':
      return readChange(line.body, occurredAt, recent);
    case 'passwordChange':
      return readPasswordChange(line.body, occurredAt, recent);
    case 'Authentication':
      return readAuthentication(line.body, occurredAt);
    case 'dsdbTransaction':
      return readTransaction(line.body, recent);
    case 'other':
      return undefined;
  }
}

function readChange(change: DsdbChange, occurredAt: string, recent: RecentTransactions): Mapped | undefined {
  const mapped = readDirectoryChange(change, occurredAt);
  if (mapped && change.statusCode === 0 && change.transactionId) {
    recent.remember(
      change.transactionId,
      mapped.facts.some(({ type }) => type === 'PasswordChanged'),
    );
  }
  return mapped;
}

/** A refused write is rolled back as a matter of course. An accepted one is not: then the log has said what did not happen. */
function readTransaction({ action, transactionId }: DsdbTransaction, recent: RecentTransactions): undefined {
  if (action !== 'rollback' || !transactionId || !recent.has(transactionId)) return undefined;
  throw new UnreadableRecord(
    `transaction ${transactionId} was rolled back after the log had listed changes under it: they were imported, and did not take place`,
  );
}

function readPasswordChange(
  change: PasswordChange,
  occurredAt: string,
  recent: RecentTransactions,
): Mapped | undefined {
  if (change.statusCode !== 0 || !PASSWORD_ACTIONS.has(change.action)) return undefined;
  const { dn: account, userSid: actor, transactionId } = change;
  if (transactionId && recent.setPassword(transactionId)) return undefined;
  const correlation = transactionId ? { correlationId: transactionId } : {};
  return {
    facts: [{ type: 'PasswordChanged', occurredAt, data: { account }, ...(actor && { actor }), ...correlation }],
  };
}

function readAuthentication(logged: Authentication, occurredAt: string): Mapped | undefined {
  const {
    clientAccount,
    clientDomain,
    serviceDescription,
    authDescription,
    status,
    becameSid,
    passwordType,
    remoteAddress,
  } = logged;
  if (!clientAccount) return undefined; // an anonymous session proves nothing about anybody
  const data = {
    clientName: clientDomain ? `${clientDomain}\\${clientAccount}` : clientAccount,
    service: serviceDescription ?? '',
    description: authDescription ?? '',
    status,
    ...(becameSid && { sid: becameSid }),
    ...(passwordType && { keyType: passwordType }),
    ...(remoteAddress && { address: endpoint(remoteAddress) }),
  };
  return { facts: [{ type: 'AuthenticationLogged', occurredAt, data }] };
}
