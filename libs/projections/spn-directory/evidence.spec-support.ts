/** Evidence written as a table: what was said, when, by which source. Times are `10:53:32.933392` of the sample's day, or seconds. */
import { instantToNanos } from '#event-store';
import { answerAt, type Answer } from '../interval.js';
import type { AccountEvidence, AccountEvidenceType } from './account-evidence.js';
import type { Holding } from './holding.derivation.js';

export function instant(time: string | number): bigint {
  return typeof time === 'number' ? BigInt(time) * 1_000_000_000n : instantToNanos(`2026-11-22T${time}Z`);
}

/** Sources of one spec are numbered by `record`, in the order in which their facts were made. */
let records = 0;

function fact(
  type: AccountEvidenceType,
  time: string | number,
  spns: readonly string[],
  source: string,
  data = {},
): AccountEvidence {
  records += 1;
  return { id: `${source}#${records}`, occurredAt: instant(time), source, record: records, item: 0, type, spns, data };
}

const log = 'samba/observed:corp.example';
const dumps = 'ldif/observed:corp.example';

export const created = (time: string | number) => fact('AccountCreated', time, [], log);
export const deleted = (time: string | number) => fact('AccountDeleted', time, [], log);
export const added = (time: string | number, spn: string) => fact('SpnRegistered', time, [spn], log);
export const removed = (time: string | number, spn: string) => fact('SpnRemoved', time, [spn], log);
export const replaced = (time: string | number, ...spns: string[]) => fact('SpnsReplaced', time, spns, log);
export const dumped = (time: string | number, ...spns: string[]) =>
  fact('AccountListed', time, spns, dumps, { part: 1, parts: 1 });

/** A dump's list in several events of one record. */
export function dumpedInParts(time: string | number, ...lists: string[][]): AccountEvidence[] {
  const whole = fact('AccountListed', time, [], dumps);
  return lists.map((spns, index) => ({
    ...whole,
    id: `${whole.id}.${index}`,
    item: index,
    spns,
    data: { part: index + 1, parts: lists.length },
  }));
}

/** Whether the account held this lookup key: yes if any of its holdings says so, else not known if any may have. */
export function heldAt(holdings: readonly Holding[], lookupKey: string, time: string | number | bigint): Answer {
  const at = typeof time === 'bigint' ? time : instant(time);
  const answers = holdings.filter((holding) => holding.lookupKey === lookupKey).map((holding) => answerAt(holding, at));
  return answers.includes('yes') ? 'yes' : answers.includes('not-known') ? 'not-known' : 'no';
}
