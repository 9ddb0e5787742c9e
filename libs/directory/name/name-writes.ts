/**
 * What a change of an account means for the streams of its names. The account's events are the facts that read models
 * use; these are their mirror, by which the next decision knows who holds what.
 */
import type { AccountState } from '../account/account-state.js';
import type { NameKey } from '../secret/name-key.js';
import type { NameEvent } from './name.events.js';
import { samStream, spnStream, upnStream } from './name-streams.js';

export type NameWrite = { readonly stream: string; readonly events: readonly NameEvent[] };

export function spnNameWrites(
  { forest, account }: Pick<AccountState, 'forest' | 'account'>,
  removed: readonly string[],
  registered: readonly string[],
): NameWrite[] {
  const byStream = new Map<string, NameEvent[]>();
  const write = (type: 'NameReleased' | 'NameTaken', spn: string): void => {
    const stream = spnStream(forest, spn);
    byStream.set(stream, [...(byStream.get(stream) ?? []), { type, data: { account, spn } }]);
  };
  for (const spn of removed) write('NameReleased', spn);
  for (const spn of registered) write('NameTaken', spn);
  return [...byStream].map(([stream, events]) => ({ stream, events }));
}

export type PrincipalNames = Pick<AccountState, 'samAccountName' | 'userPrincipalName'>;

/** Streams under which an account of these names is found as a client. */
export function principalStreams(
  nameKey: NameKey,
  { forest, domain }: Pick<AccountState, 'forest' | 'domain'>,
  { samAccountName, userPrincipalName }: PrincipalNames,
): string[] {
  const sam = samStream(nameKey, domain, samAccountName);
  return userPrincipalName === null ? [sam] : [sam, upnStream(nameKey, forest, userPrincipalName)];
}

/** From one set of streams to another; a stream that stays is not written. */
export function principalNameWrites(account: string, before: readonly string[], after: readonly string[]): NameWrite[] {
  const released = before.filter((stream) => !after.includes(stream));
  const taken = after.filter((stream) => !before.includes(stream));
  return [
    ...released.map((stream): NameWrite => ({ stream, events: [{ type: 'NameReleased', data: { account } }] })),
    ...taken.map((stream): NameWrite => ({ stream, events: [{ type: 'NameTaken', data: { account } }] })),
  ];
}
