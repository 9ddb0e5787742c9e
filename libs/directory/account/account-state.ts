/**
 * What an account's events add up to. A deleted account keeps its identity and the numbers of its key versions, which are
 * never given out again; its SPNs are released by events of their own (account.decider.ts).
 */
import type { AccountEvent, AccountKind } from './account.events.js';

export type AccountState = {
  readonly forest: string;
  readonly account: string;
  readonly domain: string;
  readonly kind: AccountKind;
  readonly samAccountName: string;
  readonly userPrincipalName: string | null;
  readonly dnsHostName: string | null;
  readonly enabled: boolean;
  readonly deleted: boolean;
  /** Version of the current keys; 0 when no password was ever set. */
  readonly kvno: number;
  /** Types and salts of the current keys, in the policy's order at the time the password was set. */
  readonly keys: readonly { readonly etype: number; readonly salt: string }[];
  /** Every key version that an event made current, the newest last. */
  readonly keyVersions: readonly number[];
  /** As registered, in order of registration. */
  readonly spns: readonly string[];
};

export function foldAccount(events: readonly AccountEvent[]): AccountState | null {
  return events.reduce<AccountState | null>(evolve, null);
}

function evolve(state: AccountState | null, { type, data }: AccountEvent): AccountState | null {
  if (type === 'AccountCreated') {
    const { userPrincipalName = null, dnsHostName = null, ...identity } = data;
    const nothing = { deleted: false, kvno: 0, keys: [], keyVersions: [], spns: [] };
    return { ...identity, userPrincipalName, dnsHostName, ...nothing };
  }
  if (!state) return null;
  switch (type) {
    case 'AccountRenamed': {
      const { samAccountName = state.samAccountName } = data;
      const { userPrincipalName = state.userPrincipalName, dnsHostName = state.dnsHostName } = data;
      return { ...state, samAccountName, userPrincipalName, dnsHostName };
    }
    case 'PasswordChanged': {
      const { kvno = state.kvno, keys = [] } = data;
      return { ...state, kvno, keys, keyVersions: [...state.keyVersions, kvno] };
    }
    case 'AccountEnabled':
      return { ...state, enabled: true };
    case 'AccountDisabled':
      return { ...state, enabled: false };
    case 'AccountDeleted':
      return { ...state, enabled: false, deleted: true, keys: [] };
    case 'SpnRegistered':
      return { ...state, spns: [...state.spns, data.spn] };
    case 'SpnRemoved':
      return { ...state, spns: state.spns.filter((spn) => spn !== data.spn) };
    case 'SpnRegistrationRefused':
      return state;
  }
}
