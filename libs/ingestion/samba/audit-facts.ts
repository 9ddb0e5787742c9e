/**
 * The facts of one JSON audit line. The lines have a text twin each, which is not read: one of the two is enough.
 * A password reset is told twice, as a dsdbChange and as a passwordChange of the same transaction: the first one counts.
 */
import type { Mapped } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { type AuditLine, type Authentication, type PasswordChange } from './audit-json.js';
import { readDirectoryChange } from './directory-change.js';
import { endpoint } from './kdc-line.js';

const TRANSACTIONS_MAX = 256;
const PASSWORD_ACTIONS = new Set(['Change', 'Reset']);

/** Transactions whose password change was read; the last few, since a twin follows at once. */
export class PasswordTwins {
  readonly #transactions = new Set<string>();

  remember(transaction: string): void {
    const [oldest] = this.#transactions;
    if (this.#transactions.size >= TRANSACTIONS_MAX && oldest !== undefined) this.#transactions.delete(oldest);
    this.#transactions.add(transaction);
  }

  has(transaction: string): boolean {
    return this.#transactions.has(transaction);
  }
}

/** Undefined: the line says nothing in our vocabulary. Throws UnreadableRecord. */
export function readAuditFacts(line: AuditLine, occurredAt: string, twins: PasswordTwins): Mapped | undefined {
  switch (line.type) {
    case 'dsdbChange': {
      const mapped = readDirectoryChange(line.body, occurredAt);
      const { transactionId } = line.body;
      if (transactionId && mapped?.facts.some(({ type }) => type === 'PasswordChanged')) twins.remember(transactionId);
      return mapped;
    }
    case 'passwordChange':
      return readPasswordChange(line.body, occurredAt, twins);
    case 'Authentication':
      return readAuthentication(line.body, occurredAt);
    case 'dsdbTransaction':
      if (line.body.action.toLowerCase() !== 'rollback') return undefined;
      throw new UnreadableRecord(
        `transaction ${line.body.transactionId ?? '(unnamed)'} was rolled back: changes that the log lists under it did not take place`,
      );
    case 'other':
      return undefined;
  }
}

function readPasswordChange(change: PasswordChange, occurredAt: string, twins: PasswordTwins): Mapped | undefined {
  if (change.statusCode !== 0 || !PASSWORD_ACTIONS.has(change.action)) return undefined;
  const { dn: account, userSid: actor, transactionId } = change;
  if (transactionId && twins.has(transactionId)) return undefined;
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
