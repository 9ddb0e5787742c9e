/**
 * Decides a write of an account's SPNs: registration, replacement, removal, and the rewrite that a renamed computer
 * needs (spn-and-kerberos-audit §1.2–§1.6). All of it is done or none. Pure: what others hold comes in as a fact; a
 * refusal comes out as an event that names the other holders.
 */
import { parseSpn, SpnSyntaxError, writeKey } from '#spn';
import type { AccountEvent, Holder } from '../account/account.events.js';
import type { AccountState } from '../account/account-state.js';
import { administersAccount, writerKind, type Caller, type WriterKind } from '../caller.js';
import { DirectoryRefusal } from '../directory-refusal.error.js';
import type { ForestState } from '../forest/forest.decider.js';
import type { SpnHolding } from '../name/name.decider.js';
import { clashOf, meetingOf } from './clash.js';
import { ldap, ruleProfiles, type RefusalCode, type SpnCheck } from './rule-profiles.js';
import { validatedWriteObjection } from './validated-write.js';

export type SpnOperation = 'add' | 'delete' | 'replace';

export type SpnWrite = {
  readonly operation: SpnOperation;
  /** As asked for: what a refusal names. */
  readonly asked: readonly string[];
  /** Held values that go, as they are held. Removal comes first, as directories do it. */
  readonly remove: readonly string[];
  readonly add: readonly string[];
};

/** What others hold that may meet an SPN: its name stream's holdings, and accounts whose UPN is its text. */
export type Rivals = { readonly holdings: readonly SpnHolding[]; readonly upnAccounts: readonly string[] };

export type SpnWriteFacts = {
  readonly caller: Caller;
  readonly forest: ForestState;
  readonly account: AccountState;
  /** By SPN, for each that is to be added and parses. */
  readonly rivals: ReadonlyMap<string, Rivals>;
};

export type AcceptedSpn = { readonly spn: string; readonly conflicts: readonly Holder[] };
export type SpnRefusal = RefusalCode & { readonly reason: string; readonly holders: readonly Holder[] };

export type SpnDecision =
  | {
      readonly outcome: 'accepted';
      readonly registered: readonly AcceptedSpn[];
      readonly removed: readonly string[];
      readonly events: readonly AccountEvent[];
    }
  | { readonly outcome: 'refused'; readonly refusal: SpnRefusal; readonly events: readonly AccountEvent[] };

/** Bounds that keep every change of an account, its deletion above all, within one append (1 MiB). */
export const SPNS_PER_ACCOUNT_MAX = 250;
export const SPN_BYTES_PER_ACCOUNT_MAX = 64 * 1024;
/** A refusal repeats what was asked for in one event (60 KiB). */
export const SPN_BYTES_PER_WRITE_MAX = 32 * 1024;
/** As many as Windows names in Directory Service event 2974. */
export const HOLDERS_NAMED_MAX = 10;

/** What a request means for what the account holds. */
export function planSpnWrite(operation: SpnOperation, account: AccountState, spns: readonly string[]): SpnWrite {
  const asked = { operation, asked: spns };
  if (operation === 'add') return { ...asked, remove: [], add: spns };
  if (operation === 'delete') {
    // Found as the directory compares; what is not held stays in `asked` and refuses the write.
    const keys = new Set(spns.flatMap((spn) => keyOf(spn) ?? []));
    return { ...asked, remove: account.spns.filter((spn) => keys.has(keyOf(spn) ?? '')), add: [] };
  }
  // A value that is there already, letter for letter, stays and meets no check.
  const kept = new Set(account.spns.filter((spn) => spns.includes(spn)));
  const remove = account.spns.filter((spn) => !kept.has(spn));
  return { ...asked, remove, add: spns.filter((spn) => !kept.delete(spn)) };
}

/** Refuses what not even a refusal could record. Throws DirectoryRefusal. */
export function checkAsked(spns: readonly string[]): void {
  const bytes = spns.reduce((sum, spn) => sum + Buffer.byteLength(spn), 0);
  if (spns.length > SPNS_PER_ACCOUNT_MAX || bytes > SPN_BYTES_PER_WRITE_MAX) {
    throw new DirectoryRefusal(
      'DIR_LIMIT_REACHED',
      `${spns.length} SPNs of ${bytes} bytes are too many for one write: at most ${SPNS_PER_ACCOUNT_MAX} of ${SPN_BYTES_PER_WRITE_MAX} bytes in all`,
    );
  }
  const unpaired = spns.findIndex((spn) => /\p{Cs}/u.test(spn));
  if (unpaired >= 0) {
    throw new DirectoryRefusal(
      'DIR_NAME_INVALID',
      `SPN ${unpaired + 1} of the list holds half of a surrogate pair: remove it`,
    );
  }
}

export function decideSpnWrite(facts: SpnWriteFacts, write: SpnWrite): SpnDecision {
  const refused = (refusal: SpnRefusal): SpnDecision => ({
    outcome: 'refused',
    refusal,
    events: [refusalEvent(facts.account, write, refusal)],
  });

  const writer = writerKind(facts.caller, facts.account);
  if (!writer) return refused(notAllowed(facts));
  const objection = valueObjection(facts, write, writer);
  if (objection) return refused(objection);

  const registered: AcceptedSpn[] = [];
  for (const spn of write.add) {
    const clashes = clashesOf(facts, spn);
    const blocking = clashes.filter((clash) => blockingCode(facts, writer, clash));
    const code = blocking[0] && blockingCode(facts, writer, blocking[0]);
    if (code) return refused({ ...code, reason: clashReason(spn, named(blocking)), holders: named(blocking) });
    registered.push({ spn, conflicts: named(clashes) });
  }
  const removed = write.remove;
  return { outcome: 'accepted', registered, removed, events: acceptedEvents(facts.account, removed, registered) };
}

type Clash = { readonly check: SpnCheck; readonly holder: Holder };

/** What is wrong with the values themselves, whoever else holds them. */
function valueObjection(facts: SpnWriteFacts, write: SpnWrite, writer: WriterKind): SpnRefusal | null {
  return (
    syntaxObjection(write.asked) ??
    missingObjection(facts.account, write) ??
    (writer === 'self' ? ownNameObjection(facts.account, write) : null) ??
    sameAccountObjection(facts, write, writer) ??
    sizeObjection(facts.account, write)
  );
}

function syntaxObjection(spns: readonly string[]): SpnRefusal | null {
  for (const spn of spns) {
    try {
      parseSpn(spn);
    } catch (error) {
      if (!(error instanceof SpnSyntaxError)) throw error;
      return { ...ldap.constraintViolation, reason: error.message, holders: [] };
    }
  }
  return null;
}

function missingObjection({ account, spns }: AccountState, { operation, asked }: SpnWrite): SpnRefusal | null {
  if (operation !== 'delete') return null;
  const held = new Set(spns.map(keyOf));
  const missing = asked.find((spn) => !held.has(keyOf(spn)));
  if (missing === undefined) return null;
  return { ...ldap.noSuchAttribute, reason: `account ${account} does not hold ${missing}`, holders: [] };
}

function ownNameObjection(account: AccountState, { add }: SpnWrite): SpnRefusal | null {
  for (const spn of add) {
    const reason = validatedWriteObjection(spn, account);
    if (reason) return { ...ldap.constraintViolation, reason, holders: [] };
  }
  return null;
}

function sameAccountObjection(facts: SpnWriteFacts, write: SpnWrite, writer: WriterKind): SpnRefusal | null {
  const { account, spns } = facts.account;
  const stays = new Map(spns.filter((spn) => !write.remove.includes(spn)).map((spn) => [keyOf(spn), spn]));
  const cell = ruleProfiles[facts.forest.policy.ruleProfile].sameAccount[writer];
  for (const spn of write.add) {
    const twin = stays.get(keyOf(spn));
    if (twin !== undefined && cell.refusal) {
      const holder: Holder = { account, spn: twin, by: 'same-account' };
      return { ...cell.refusal, reason: `account ${account} has ${twin} already`, holders: [holder] };
    }
    stays.set(keyOf(spn), spn);
  }
  return null;
}

function sizeObjection({ account, spns }: AccountState, { remove, add }: SpnWrite): SpnRefusal | null {
  if (add.length === 0) return null;
  const result = [...spns.filter((spn) => !remove.includes(spn)), ...add];
  const bytes = result.reduce((sum, spn) => sum + Buffer.byteLength(spn), 0);
  if (result.length <= SPNS_PER_ACCOUNT_MAX && bytes <= SPN_BYTES_PER_ACCOUNT_MAX) return null;
  const reason = `account ${account} would hold ${result.length} SPNs of ${bytes} bytes; at most ${SPNS_PER_ACCOUNT_MAX} of ${SPN_BYTES_PER_ACCOUNT_MAX} bytes in all`;
  return { ...ldap.adminLimitExceeded, reason, holders: [] };
}

function notAllowed({ caller, account }: SpnWriteFacts): SpnRefusal {
  const reason = `${caller.actor} may not write the SPNs of account ${account.account}: it neither administers the account nor is that computer or managed service itself`;
  return { ...ldap.insufficientAccessRights, reason, holders: [] };
}

function clashesOf({ forest, account, rivals }: SpnWriteFacts, spn: string): Clash[] {
  const { holdings = [], upnAccounts = [] } = rivals.get(spn) ?? {};
  const spnClashes = holdings
    .filter((held) => held.account !== account.account)
    .flatMap((held): Clash[] => {
      const check = clashOf(spn, held.spn, forest.policy.aliases);
      return check ? [{ check, holder: { account: held.account, spn: held.spn, by: meetingOf(check) } }] : [];
    });
  const upnClashes = upnAccounts
    .filter((other) => other !== account.account)
    .map((other): Clash => ({ check: 'upn', holder: { account: other, spn, by: 'upn' } }));
  return [...spnClashes, ...upnClashes];
}

function named(clashes: readonly Clash[]): Holder[] {
  return clashes.slice(0, HOLDERS_NAMED_MAX).map(({ holder }) => holder);
}

/** The profile's refusal of this clash, or null when the write passes it. */
function blockingCode(
  { forest, caller, account }: SpnWriteFacts,
  writer: WriterKind,
  clash: Clash,
): RefusalCode | null {
  const { ruleProfile, enforcement } = forest.policy;
  const cell = ruleProfiles[ruleProfile][clash.check][writer];
  if (enforcement === 'audit' || !cell.refusal) return null;
  if (cell.verdict === 'refuse') return cell.refusal;
  const mayWriteHolder = administersAccount(caller, { ...account, account: clash.holder.account });
  return mayWriteHolder ? null : cell.refusal;
}

function clashReason(spn: string, holders: readonly Holder[]): string {
  const held = holders.map((holder) => `account ${holder.account} holds ${holder.spn} (${holder.by})`);
  return `${spn} is not unique in the forest: ${held.join(', ')}`;
}

/** A write to an account that never was, or is deleted. Of the first nothing is known: its forest and domain are empty. */
export function refuseUnknownAccount(
  account: string,
  deleted: AccountState | null,
  write: Pick<SpnWrite, 'operation' | 'asked'>,
): SpnDecision {
  const reason = deleted ? `account ${account} is deleted` : `there is no account ${account}`;
  const refusal = { ...ldap.noSuchObject, reason, holders: [] };
  const events = [refusalEvent(deleted ?? { forest: '', account, domain: '' }, write, refusal)];
  return { outcome: 'refused', refusal, events };
}

function refusalEvent(
  { forest, account, domain }: Pick<AccountState, 'forest' | 'account' | 'domain'>,
  { operation, asked }: Pick<SpnWrite, 'operation' | 'asked'>,
  refusal: SpnRefusal,
): AccountEvent {
  const { status, code, reason, holders } = refusal;
  const spns = [...asked];
  return {
    type: 'SpnRegistrationRefused',
    data: { forest, account, domain, operation, spns, status, code, reason, holders: [...holders] },
  };
}

function acceptedEvents(
  { forest, account, domain }: AccountState,
  removed: readonly string[],
  registered: readonly AcceptedSpn[],
): AccountEvent[] {
  const ref = { forest, account, domain };
  return [
    ...removed.map((spn): AccountEvent => ({ type: 'SpnRemoved', data: { ...ref, spn } })),
    ...registered.map(({ spn, conflicts }): AccountEvent => {
      const accepted = conflicts.length > 0 ? { conflicts: [...conflicts] } : {};
      return { type: 'SpnRegistered', data: { ...ref, spn, ...accepted } };
    }),
  ];
}

export function isSpn(text: string): boolean {
  return keyOf(text) !== undefined;
}

/** What the directory compares; undefined for a text that is no SPN. */
function keyOf(spn: string): string | undefined {
  try {
    return writeKey(parseSpn(spn));
  } catch (error) {
    if (error instanceof SpnSyntaxError) return undefined;
    throw error;
  }
}
