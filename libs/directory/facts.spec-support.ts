/** Facts for decider specs: a forest, its accounts and callers, each made from the events that would have made it. */
import type { AccountEvent, AccountKind } from './account/account.events.js';
import { foldAccount, type AccountState } from './account/account-state.js';
import type { Caller } from './caller.js';
import { defaultPolicy, foldForest, type ForestState } from './forest/forest.decider.js';
import type { ForestEvent, ForestPolicy } from './forest/forest.events.js';
import { spnHoldings } from './name/name.decider.js';
import { isSpn, type Rivals } from './spn/spn-write.decider.js';

export const FOREST = 'corp.example';

export function forestOf(policy: Partial<ForestPolicy> = {}): ForestState {
  const events: ForestEvent[] = [
    { type: 'ForestCreated', data: { forest: FOREST, name: FOREST, policy: { ...defaultPolicy, ...policy } } },
    { type: 'DomainAdded', data: { forest: FOREST, domain: FOREST, netbiosName: 'CORP' } },
    { type: 'DomainAdded', data: { forest: FOREST, domain: 'emea.corp.example', netbiosName: 'EMEA' } },
  ];
  return foldForest(events)!;
}

type Given = { kind?: AccountKind; samAccountName?: string; dnsHostName?: string; spns?: string[]; domain?: string };

/** An account whose id is `account`, after the events that gave it these names and SPNs and whatever else happened. */
export function accountOf(account: string, given: Given = {}, then: readonly AccountEvent[] = []): AccountState {
  const { kind = 'user', samAccountName = account, dnsHostName, spns = [], domain = FOREST } = given;
  const host = dnsHostName === undefined ? {} : { dnsHostName };
  const events: AccountEvent[] = [
    { type: 'AccountCreated', data: { forest: FOREST, account, domain, kind, samAccountName, enabled: true, ...host } },
    ...spns.map((spn): AccountEvent => ({ type: 'SpnRegistered', data: { forest: FOREST, account, domain, spn } })),
    ...then,
  ];
  return foldAccount(events)!;
}

/** The holdings of other accounts, as the name streams would tell them for each of `spns`. */
export function rivalsFor(
  spns: readonly string[],
  others: Readonly<Record<string, readonly string[]>>,
  upnAccounts: readonly string[] = [],
): Map<string, Rivals> {
  const holdings = Object.entries(others).flatMap(([account, held]) => held.map((spn) => ({ account, spn })));
  return new Map(spns.filter(isSpn).map((spn) => [spn, { holdings: spnHoldings(holdings), upnAccounts }]));
}

export const administrator: Caller = { actor: 'adm-kim', administers: 'all' };

/** May write exactly these accounts. */
export function delegate(...accounts: string[]): Caller {
  return { actor: 'installer', administers: { accounts } };
}

/** The account itself, without any scope of its own. */
export function itself(account: string): Caller {
  return { actor: `account:${account}`, administers: 'none', account };
}
