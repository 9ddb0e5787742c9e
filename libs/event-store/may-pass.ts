/** Which errors may be gone when the same is tried again. */
import { DatabaseError } from 'pg';
import { LogUnavailable, SubscriptionFenced } from './event-store.error.js';

/** PostgreSQL gave up for a reason that may pass: rollback by concurrency, resources, locks, an operator. */
const MAY_PASS = /^(40|53|55|57)/;

/** The log or the database did not answer, or whoever threw says so by `mayPass: true`. */
export function mayPass(error: unknown): boolean {
  if (error instanceof LogUnavailable || error instanceof SubscriptionFenced) return true;
  if (error instanceof Error && 'mayPass' in error) return error.mayPass === true;
  return error instanceof DatabaseError && MAY_PASS.test(error.code ?? '');
}
