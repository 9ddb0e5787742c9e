/**
 * What must hold for the whole log, whoever wrote it: the account streams' facts and the name streams' mirror agree, a
 * deleted account holds nothing, nothing is held twice that the policy of the moment refused, key versions and instants rise.
 */
import { compareInstants, streamCategory, type RecordedEvent } from '#event-store';
import { spnKeys } from '#spn';
import type { AccountEvent } from './account/account.events.js';
import { foldAccount, type AccountState } from './account/account-state.js';
import type { ForestPolicy } from './forest/forest.events.js';
import { spnStream } from './name/name-streams.js';
import { foldName } from './name/name.decider.js';
import type { NameEvent } from './name/name.events.js';

/** A line for each thing that is wrong. */
export function inconsistencies(log: readonly RecordedEvent[]): string[] {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of log) streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
  const accounts = [...streams]
    .filter(([stream]) => streamCategory(stream) === 'account')
    .flatMap(([, events]) => foldAccount(events as unknown as AccountEvent[]) ?? []);
  return [
    ...[...streams].flatMap(([stream, events]) => falling(stream, events)),
    ...mirrorDifferences(streams, accounts),
    ...accounts
      .filter(({ deleted, spns }) => deleted && spns.length > 0)
      .map(({ account }) => `${account} is deleted and holds SPNs`),
    ...forbiddenDuplicates(log),
  ];
}

function falling(stream: string, events: readonly RecordedEvent[]): string[] {
  const kvnos = events.flatMap(({ data }) => (typeof data['kvno'] === 'number' ? [data['kvno']] : []));
  return [
    ...events
      .slice(1)
      .filter((event, i) => compareInstants(event.occurredAt, events[i]!.occurredAt) < 0)
      .map(({ version }) => `${stream} goes back in time at ${version}`),
    ...kvnos
      .slice(1)
      .filter((kvno, i) => kvno <= kvnos[i]!)
      .map((kvno) => `${stream} has key version ${kvno} too late`),
  ];
}

function mirrorDifferences(streams: ReadonlyMap<string, RecordedEvent[]>, accounts: readonly AccountState[]): string[] {
  const facts = accounts.flatMap(({ forest, account, spns }) =>
    spns.map((spn) => `${spnStream(forest, spn)} ${account} ${spn}`),
  );
  const mirror = [...streams]
    .filter(([stream]) => /^name-[^/]+\/spn\//.test(stream))
    .flatMap(([stream, events]) =>
      foldName(events as unknown as NameEvent[]).map(({ account, spn }) => `${stream} ${account} ${spn}`),
    );
  const [known, kept] = [new Set(facts), new Set(mirror)];
  return [
    ...facts.filter((line) => !kept.has(line)).map((line) => `no NameTaken for ${line}`),
    ...mirror.filter((line) => !known.has(line)).map((line) => `no SpnRegistered for ${line}`),
  ];
}

/** Replays the log: a registration while the forest enforces meets no other holder of the same name. */
function forbiddenDuplicates(log: readonly RecordedEvent[]): string[] {
  const enforcing = new Map<string, boolean>();
  const holders = new Map<string, Set<string>>();
  const wrong: string[] = [];
  for (const { type, data, position } of log) {
    const { forest, account, spn } = data as { forest: string; account: string; spn: string };
    if (type === 'ForestCreated' || type === 'PolicyChanged')
      enforcing.set(forest, (data['policy'] as unknown as ForestPolicy).enforcement === 'enforce');
    if (type !== 'SpnRegistered' && type !== 'SpnRemoved') continue;
    const key = `${forest} ${spnKeys(spn).write}`;
    const held = holders.get(key) ?? new Set();
    holders.set(key, held);
    if (type === 'SpnRemoved') held.delete(account);
    else if (enforcing.get(forest) && [...held].some((other) => other !== account))
      wrong.push(`${spn} is held twice at ${position}`);
    if (type === 'SpnRegistered') held.add(account);
  }
  return wrong;
}
