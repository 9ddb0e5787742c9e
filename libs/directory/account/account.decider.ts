/**
 * One account: created, renamed, enabled, disabled, deleted, its passwords set (architecture §5). Pure: who holds the
 * wanted names comes in as a fact, keys as their types and salts only. Refusals are thrown as DirectoryRefusal.
 */
import { computerSalt, defaultSalt } from '#kerberos';
import { fold, parseSpn, printSpn, writeKey } from '#spn';
import { DirectoryRefusal } from '../directory-refusal.error.js';
import { dnsName, type ForestState } from '../forest/forest.decider.js';
import { upnUniqueness } from '../spn/rule-profiles.js';
import type { SpnWrite } from '../spn/spn-write.decider.js';
import { ownHosts } from '../spn/validated-write.js';
import type { AccountEvent, AccountKind } from './account.events.js';
import type { AccountState } from './account-state.js';

export type AccountNames = Pick<AccountState, 'samAccountName' | 'userPrincipalName' | 'dnsHostName'>;

export type NewAccount = AccountNames & {
  readonly account: string;
  readonly domain: string;
  readonly kind: AccountKind;
  readonly enabled: boolean;
};

/** Other accounts that stand in the way of the wanted names. */
export type NameHolders = {
  /** Has the sAMAccountName in the domain. */
  readonly sam: readonly string[];
  /** Has the UPN in the forest, or is `sAMAccountName@domain` of it; or has a UPN that would be this account's. */
  readonly principal: readonly string[];
};

const SAM_LENGTH_MAX = 256;
const UPN_LENGTH_MAX = 1_024;
const SAM_NAME =
  /^[^"/\\[\]:;|=,+*?<>@\p{Cc}\p{Cs}\s](?:[^"/\\[\]:;|=,+*?<>@\p{Cc}\p{Cs}]*[^"/\\[\]:;|=,+*?<>@\p{Cc}\p{Cs}\s.])?$/u;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** The names as they will be kept. Throws DIR_NAME_INVALID. */
export function checkNames(
  kind: AccountKind,
  { samAccountName, userPrincipalName, dnsHostName }: AccountNames,
): AccountNames {
  const invalid = (message: string) => new DirectoryRefusal('DIR_NAME_INVALID', message);
  if (samAccountName.length > SAM_LENGTH_MAX || !SAM_NAME.test(samAccountName)) {
    throw invalid(
      `${JSON.stringify(samAccountName)} is not a sAMAccountName: 1 to ${SAM_LENGTH_MAX} characters, none of "/\\[]:;|=,+*?<>@, no space around it and no dot at its end`,
    );
  }
  if (kind !== 'user' && !/.\$$/.test(samAccountName))
    throw invalid(`the sAMAccountName of a ${kind} account ends in "$": write ${samAccountName}$`);
  if (
    userPrincipalName !== null &&
    (userPrincipalName === '' || userPrincipalName.length > UPN_LENGTH_MAX || UNPRINTABLE.test(userPrincipalName))
  )
    throw invalid(`a userPrincipalName has 1 to ${UPN_LENGTH_MAX} printable characters, such as alice@corp.example`);
  return { samAccountName, userPrincipalName, dnsHostName: dnsHostName === null ? null : dnsName(dnsHostName) };
}

export function createAccount(forest: ForestState, holders: NameHolders, wanted: NewAccount): AccountEvent[] {
  const { account, domain, kind, enabled } = wanted;
  requireDomain(forest, domain);
  const { samAccountName, userPrincipalName, dnsHostName } = checkNames(kind, wanted);
  requireFree(forest, domain, wanted, holders);
  const optional = {
    ...(userPrincipalName !== null && { userPrincipalName }),
    ...(dnsHostName !== null && { dnsHostName }),
  };
  const data = { forest: forest.forest, account, domain, kind, samAccountName, ...optional, enabled };
  return [{ type: 'AccountCreated', data }];
}

function requireDomain({ forest, domains }: ForestState, domain: string): void {
  if (domains.some((own) => own.domain === domain)) return;
  throw new DirectoryRefusal('DIR_DOMAIN_UNKNOWN', `forest ${forest} has no domain ${domain}: add it first`);
}

/** A sAMAccountName is unique in its domain whatever the profile; principal names are as the profile has it. */
function requireFree(forest: ForestState, domain: string, wanted: AccountNames, { sam, principal }: NameHolders): void {
  if (sam[0] !== undefined) {
    throw new DirectoryRefusal(
      'DIR_NAME_TAKEN',
      `account ${sam[0]} of domain ${domain} has sAMAccountName ${wanted.samAccountName} already`,
    );
  }
  const { refusal } = upnUniqueness[forest.policy.ruleProfile];
  if (principal[0] === undefined || !refusal || forest.policy.enforcement === 'audit') return;
  const name = wanted.userPrincipalName ?? `${wanted.samAccountName}@${domain}`;
  throw new DirectoryRefusal(
    'DIR_NAME_TAKEN',
    `account ${principal[0]} is found under principal name ${name} already (${refusal.status} ${refusal.code})`,
  );
}

/** Only what is given changes; null takes a name away. */
export type NameChanges = { readonly [Name in keyof AccountNames]?: AccountNames[Name] | undefined };

export function namesAfter(state: AccountState, changes: NameChanges): AccountNames {
  const { samAccountName = state.samAccountName, userPrincipalName = state.userPrincipalName } = changes;
  const { dnsHostName = state.dnsHostName } = changes;
  return checkNames(state.kind, { samAccountName, userPrincipalName, dnsHostName });
}

/** No event when no name changes. The SPNs' rewrite is `hostRewrite`'s. */
export function renameAccount(
  forest: ForestState,
  holders: NameHolders,
  state: AccountState,
  names: AccountNames,
): AccountEvent[] {
  const changed = {
    ...(names.samAccountName !== state.samAccountName && { samAccountName: names.samAccountName }),
    ...(names.userPrincipalName !== state.userPrincipalName && { userPrincipalName: names.userPrincipalName }),
    ...(names.dnsHostName !== state.dnsHostName && { dnsHostName: names.dnsHostName }),
  };
  if (Object.keys(changed).length === 0) return [];
  requireFree(forest, state.domain, names, holders);
  return [{ type: 'AccountRenamed', data: { forest: state.forest, account: state.account, ...changed } }];
}

/**
 * A renamed computer's SPNs follow: where the host was its old dNSHostName or its old short name, it is the new one
 * (Microsoft, "Name Formats for Unique SPNs"). A value that the account holds anyway is not registered again.
 */
export function hostRewrite(state: AccountState, names: AccountNames): SpnWrite {
  const moved = movedHosts(state, names);
  const rewritten = new Map<string, string>();
  for (const spn of state.spns) {
    const parts = parseSpn(spn);
    const host = moved.get(fold(parts.host));
    if (host !== undefined) rewritten.set(spn, printSpn({ ...parts, host }));
  }
  const seen = new Set(state.spns.filter((spn) => !rewritten.has(spn)).map(spnKey));
  const add = [...rewritten.values()].filter((spn) => !seen.has(spnKey(spn)) && seen.add(spnKey(spn)));
  return { operation: 'replace', asked: [...rewritten.values()], remove: [...rewritten.keys()], add };
}

/** Old host, folded, to the new one as it is to be written. */
function movedHosts(state: AccountState, names: AccountNames): Map<string, string> {
  if (state.kind === 'user') return new Map();
  const moves: (readonly [string, string])[] = [];
  if (names.samAccountName !== state.samAccountName) moves.push([shortName(state), shortName(names)]);
  if (state.dnsHostName !== null && names.dnsHostName !== null && names.dnsHostName !== state.dnsHostName)
    moves.push([state.dnsHostName, names.dnsHostName]);
  return new Map(moves.map(([from, to]) => [fold(from), to]));
}

function shortName(names: Pick<AccountState, 'samAccountName'>): string {
  return ownHosts({ ...names, dnsHostName: null })[0] ?? '';
}

function spnKey(spn: string): string {
  return writeKey(parseSpn(spn));
}

/** `kvno` is above the account's, `keys` name what was derived from the new password. */
export function changePassword(
  { forest, account, kvno: current }: Pick<AccountState, 'forest' | 'account' | 'kvno'>,
  kvno: number,
  keys: AccountState['keys'],
): AccountEvent[] {
  if (kvno <= current) throw new RangeError(`key version ${kvno} of account ${account} is not above ${current}`);
  return [{ type: 'PasswordChanged', data: { forest, account, kvno, keys: keys.map((key) => ({ ...key })) } }];
}

/** The salt of keys made from a password set now; a later rename does not change it (MS-KILE 3.1.1.2). */
export function passwordSalt({
  kind,
  domain,
  samAccountName,
}: Pick<AccountState, 'kind' | 'domain' | 'samAccountName'>): string {
  const realm = domain.toUpperCase();
  return kind === 'user' ? defaultSalt(realm, [samAccountName]) : computerSalt(realm, samAccountName);
}

export function enableAccount({ forest, account, enabled }: AccountState): AccountEvent[] {
  return enabled ? [] : [{ type: 'AccountEnabled', data: { forest, account } }];
}

export function disableAccount({ forest, account, enabled }: AccountState): AccountEvent[] {
  return enabled ? [{ type: 'AccountDisabled', data: { forest, account } }] : [];
}

/** Everything it holds goes first, so that a deleted account holds nothing. */
export function deleteAccount({ forest, account, domain, spns }: AccountState): AccountEvent[] {
  const released = spns.map((spn): AccountEvent => ({ type: 'SpnRemoved', data: { forest, account, domain, spn } }));
  return [...released, { type: 'AccountDeleted', data: { forest, account } }];
}
