/**
 * Who asks, and what that lets them do. A token's scope comes in as `administers`; nothing here reads a token.
 */
import type { AccountState } from './account/account-state.js';
import { DirectoryRefusal } from './directory-refusal.error.js';

/** An absent part means "all": `{ domains: ['corp.example'] }` administers every account of that domain. */
export type Administered =
  | 'all'
  | 'none'
  | {
      readonly forest?: string | undefined;
      readonly domains?: readonly string[] | undefined;
      readonly accounts?: readonly string[] | undefined;
    };

export type Caller = {
  /** `account:<id>` or an outside id, as events name the actor. */
  readonly actor: string;
  readonly administers: Administered;
  /** The account that the caller itself is. */
  readonly account?: string | undefined;
};

/**
 * How a caller stands to an account when it writes the account's SPNs (spn-and-kerberos-audit §1.4).
 *
 * administrator  of the account's domain
 * delegated      may write this account, but does not administer its domain
 * self           the account itself, a computer or a managed service: the validated write
 */
export type WriterKind = 'administrator' | 'delegated' | 'self';

export function administersForest({ administers }: Caller, forest: string): boolean {
  if (typeof administers === 'string') return administers === 'all';
  const whole = administers.domains === undefined && administers.accounts === undefined;
  return whole && (administers.forest ?? forest) === forest;
}

export function administersDomain({ administers }: Caller, forest: string, domain: string): boolean {
  if (typeof administers === 'string') return administers === 'all';
  if (administers.accounts !== undefined) return false;
  return (administers.forest ?? forest) === forest && (administers.domains ?? [domain]).includes(domain);
}

/** The caller may change this account: as an administrator of its domain, or because it is named. */
export function administersAccount(
  caller: Caller,
  state: Pick<AccountState, 'forest' | 'domain' | 'account'>,
): boolean {
  const { administers } = caller;
  if (administersDomain(caller, state.forest, state.domain)) return true;
  if (typeof administers === 'string' || !administers.accounts?.includes(state.account)) return false;
  const inForest = (administers.forest ?? state.forest) === state.forest;
  return inForest && (administers.domains ?? [state.domain]).includes(state.domain);
}

/** Null: may not write the account's SPNs at all. */
export function writerKind(caller: Caller, state: AccountState): WriterKind | null {
  if (administersDomain(caller, state.forest, state.domain)) return 'administrator';
  if (administersAccount(caller, state)) return 'delegated';
  return caller.account === state.account && state.kind !== 'user' ? 'self' : null;
}

/** Throws DIR_FORBIDDEN, which names the actor and what was missing. */
export function demand(allowed: boolean, { actor }: Caller, what: string): void {
  if (!allowed) throw new DirectoryRefusal('DIR_FORBIDDEN', `${actor} does not administer ${what}`);
}

/** What every command of the directory carries beside its own fields. */
export type CommandRequest = {
  /** UUID; asking again with it gives the first reply. */
  readonly requestId: string;
  readonly caller: Caller;
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
};
