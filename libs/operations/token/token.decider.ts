/**
 * One token: made, used, revoked (architecture §9). Pure. The secret is 256 random bits, so a plain SHA-256 of it can be kept:
 * there is nothing to guess.
 */
import { compareInstants, InvalidInstant } from '#event-store';
import { OperationRefusal } from '../operation-refusal.error.js';
import type { OperationEvent, Role, Scope } from '../operation.events.js';

export type TokenState = {
  readonly token: string;
  /** `account:<id>` or an outside id. */
  readonly actor: string;
  readonly roles: readonly Role[];
  readonly scope: Scope;
  readonly secretDigest: string;
  readonly expiresAt: string | null;
  readonly revoked: boolean;
};

export type NewToken = {
  readonly actor: string;
  readonly roles: readonly Role[];
  readonly scope?: Scope | undefined;
  /** RFC 3339 UTC; none: until revoked. */
  readonly expiresAt?: string | undefined;
  readonly note?: string | undefined;
};

const TEXT_MAX = 256;
const SCOPE_ENTRIES_MAX = 500;
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;

export function foldToken(events: readonly OperationEvent[]): TokenState | null {
  return events.reduce<TokenState | null>((state, { type, data }) => {
    if (type === 'TokenCreated') return { ...data, expiresAt: data.expiresAt ?? null, revoked: false };
    if (type === 'TokenRevoked') return state && { ...state, revoked: true };
    return state;
  }, null);
}

export function createToken(
  { token, secretDigest, now }: { readonly token: string; readonly secretDigest: string; readonly now: string },
  { actor, roles, scope = {}, expiresAt, note }: NewToken,
): OperationEvent[] {
  requireText('actor', actor);
  if (note !== undefined) requireText('note', note);
  if (roles.length === 0) throw invalid('a token needs a role');
  if ((scope.accounts?.length ?? 0) > SCOPE_ENTRIES_MAX || (scope.domains?.length ?? 0) > SCOPE_ENTRIES_MAX)
    throw invalid(`a scope names at most ${SCOPE_ENTRIES_MAX} accounts or domains: leave the part out for all`);
  if (expiresAt !== undefined && isPast(expiresAt, now)) throw invalid(`expiresAt ${expiresAt} is past: it is ${now}`);
  const optional = { ...(expiresAt !== undefined && { expiresAt }), ...(note !== undefined && { note }) };
  return [
    { type: 'TokenCreated', data: { token, actor, roles: [...new Set(roles)], scope, secretDigest, ...optional } },
  ];
}

/** No event when it was revoked before. */
export function revokeToken(state: TokenState | null, token: string): OperationEvent[] {
  if (!state) throw new OperationRefusal('OPS_TOKEN_UNKNOWN', `there is no token ${token}: list them`);
  return state.revoked ? [] : [{ type: 'TokenRevoked', data: { token } }];
}

export function isTokenValid({ revoked, expiresAt }: TokenState, now: string): boolean {
  return !revoked && (expiresAt === null || compareInstants(now, expiresAt) < 0);
}

function requireText(what: string, text: string): void {
  if (text.length > TEXT_MAX || !PRINTABLE.test(text))
    throw invalid(`the ${what} of a token is 1 to ${TEXT_MAX} printable characters`);
}

function isPast(expiresAt: string, now: string): boolean {
  try {
    return compareInstants(expiresAt, now) <= 0;
  } catch (error) {
    if (error instanceof InvalidInstant) throw invalid(`expiresAt: ${error.message}`);
    throw error;
  }
}

function invalid(message: string): OperationRefusal {
  return new OperationRefusal('OPS_TOKEN_INVALID', message);
}
