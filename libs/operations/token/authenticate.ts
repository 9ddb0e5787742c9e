/** Who bears this token: read from its stream, so that a revocation holds from the next request on. */
import type { EventStore } from '#event-store';
import { operationsOf, tokenStream } from '../operation-log.js';
import type { Role, Scope } from '../operation.events.js';
import { foldToken, isTokenValid } from './token.decider.js';
import { digestsMatch, parseTokenText } from './token-text.js';

export type Access = {
  readonly token: string;
  /** `account:<id>` or an outside id. */
  readonly actor: string;
  readonly roles: readonly Role[];
  readonly scope: Scope;
};

/** Null: no token, an unknown, revoked or expired one. `now` is RFC 3339 UTC text. */
export async function authenticate(store: EventStore, bearer: string, now: string): Promise<Access | null> {
  const presented = parseTokenText(bearer);
  if (!presented) return null;
  const state = foldToken(await operationsOf((stream) => store.readStream(stream), tokenStream(presented.token)));
  if (!state || !digestsMatch(state.secretDigest, presented.secretDigest) || !isTokenValid(state, now)) return null;
  const { token, actor, roles, scope } = state;
  return { token, actor, roles, scope };
}
