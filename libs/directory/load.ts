/**
 * Reading directory state by key, for decisions: straight from the streams, never from a projection. Every stream read
 * here through `transact`'s `load` is guarded by the append, absent ones too.
 */
import { streamName, type Load } from '#event-store';
import { fold } from '#spn';
import type { AccountEvent } from './account/account.events.js';
import { foldAccount, type AccountState } from './account/account-state.js';
import { DirectoryRefusal } from './directory-refusal.error.js';
import { foldForest, type ForestState } from './forest/forest.decider.js';
import type { ForestEvent } from './forest/forest.events.js';
import { domainStream, samStream, spnStream, upnStream } from './name/name-streams.js';
import { foldDomainName, foldName, resolveSpn, type Holding, type SpnLookup } from './name/name.decider.js';
import type { NameEvent } from './name/name.events.js';
import type { NameKey } from './secret/name-key.js';

export function forestStream(forest: string): string {
  return streamName('forest', forest);
}

export function accountStream(account: string): string {
  return streamName('account', account);
}

export async function loadForest(load: Load, forest: string): Promise<ForestState | null> {
  return foldForest(await eventsOf<ForestEvent>(load, forestStream(forest)));
}

const OBSERVED = 'observed:';

/** A forest that commands may change. Throws DIR_FOREST_UNKNOWN or DIR_FOREST_OBSERVED. */
export async function requireForest(load: Load, forest: string): Promise<ForestState> {
  if (forest.startsWith(OBSERVED)) {
    throw new DirectoryRefusal(
      'DIR_FOREST_OBSERVED',
      `forest ${forest} is known from another system's records: it cannot be changed here`,
    );
  }
  const state = await loadForest(load, forest);
  if (!state) throw new DirectoryRefusal('DIR_FOREST_UNKNOWN', `there is no forest ${forest}: create it first`);
  return state;
}

/** An account that is there. Throws DIR_ACCOUNT_UNKNOWN or DIR_ACCOUNT_DELETED. */
export async function requireAccount(load: Load, account: string): Promise<AccountState> {
  const state = await loadAccount(load, account);
  if (!state) throw new DirectoryRefusal('DIR_ACCOUNT_UNKNOWN', `there is no account ${account}`);
  if (state.deleted) throw new DirectoryRefusal('DIR_ACCOUNT_DELETED', `account ${account} is deleted`);
  return state;
}

/** Deleted accounts too: look at `deleted`. */
export async function loadAccount(load: Load, account: string): Promise<AccountState | null> {
  return foldAccount(await eventsOf<AccountEvent>(load, accountStream(account)));
}

/** The forest that a domain belongs to. */
export async function loadDomainForest(load: Load, domain: string): Promise<string | null> {
  return foldDomainName(await eventsOf<NameEvent>(load, domainStream(domain)));
}

export async function loadHoldings(load: Load, nameStream: string): Promise<readonly Holding[]> {
  return foldName(await eventsOf<NameEvent>(load, nameStream));
}

/** Whom the KDC finds under a presented SPN, in all domains of the forest. Throws SpnSyntaxError. */
export async function lookupSpn(load: Load, forest: ForestState, spn: string): Promise<SpnLookup> {
  return resolveSpn(await loadHoldings(load, spnStream(forest.forest, spn)), forest.policy.aliases, spn);
}

/** Accounts under a client's name: none, one, or several, which then is nobody. */
export type PrincipalLookup = {
  readonly outcome: 'found' | 'unknown' | 'ambiguous';
  readonly accounts: readonly string[];
};

/**
 * Whom a client's name means (MS-KILE 3.3.5.6.1, without name types): the account with this UPN, or with this
 * sAMAccountName in the domain after the "@" (without one: in any domain of the forest); if nobody, the computer
 * `name$`. A UPN that is another account's `sAMAccountName@domain` makes the name ambiguous, it never wins.
 */
export async function lookupClientByPrincipal(
  load: Load,
  nameKey: NameKey,
  forest: ForestState,
  principal: string,
): Promise<PrincipalLookup> {
  const { name, domains } = splitPrincipal(forest, principal);
  const samHoldings = (sam: string) => domains.map((domain) => loadHoldings(load, samStream(nameKey, domain, sam)));
  const named = [loadHoldings(load, upnStream(nameKey, forest.forest, principal)), ...samHoldings(name)];
  const accounts = distinctAccounts(await Promise.all(named));
  if (accounts.length > 0 || name.endsWith('$')) return principalLookup(accounts);
  return principalLookup(distinctAccounts(await Promise.all(samHoldings(`${name}$`))));
}

/** The part before the last "@", and the domains of the forest that the part after it names. */
export function splitPrincipal(
  forest: ForestState,
  principal: string,
): { readonly name: string; readonly domains: readonly string[] } {
  const domains = forest.domains.map(({ domain }) => domain);
  const at = principal.lastIndexOf('@');
  if (at < 0) return { name: principal, domains };
  const realm = fold(principal.slice(at + 1));
  return { name: principal.slice(0, at), domains: domains.filter((domain) => domain === realm) };
}

function distinctAccounts(holdings: readonly (readonly Holding[])[]): string[] {
  return [...new Set(holdings.flat().map(({ account }) => account))];
}

function principalLookup(accounts: readonly string[]): PrincipalLookup {
  return { outcome: accounts.length === 0 ? 'unknown' : accounts.length === 1 ? 'found' : 'ambiguous', accounts };
}

/** A stream of ours holds events of its category's catalogue only, in current shapes: the store upcasts on reading. */
async function eventsOf<Event>(load: Load, stream: string): Promise<readonly Event[]> {
  return (await load(stream)) as readonly unknown[] as readonly Event[];
}
