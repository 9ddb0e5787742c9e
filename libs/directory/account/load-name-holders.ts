/** The fact that naming an account rests on: which other accounts are found under the wanted names. */
import type { Load } from '#event-store';
import type { ForestState } from '../forest/forest.decider.js';
import { loadHoldings, splitPrincipal } from '../load.js';
import { samStream, upnStream } from '../name/name-streams.js';
import type { PrincipalNames } from '../name/name-writes.js';
import type { NameKey } from '../secret/name-key.js';
import type { NameHolders } from './account.decider.js';

export async function loadNameHolders(
  load: Load,
  nameKey: NameKey,
  forest: ForestState,
  account: string,
  domain: string,
  { samAccountName, userPrincipalName }: PrincipalNames,
): Promise<NameHolders> {
  const others = async (stream: string): Promise<string[]> =>
    (await loadHoldings(load, stream)).map((holding) => holding.account).filter((holder) => holder !== account);
  const principals = [upnStream(nameKey, forest.forest, `${samAccountName}@${domain}`)];
  if (userPrincipalName !== null) {
    const { name, domains } = splitPrincipal(forest, userPrincipalName);
    const implicit = userPrincipalName.includes('@') ? domains : [];
    principals.push(upnStream(nameKey, forest.forest, userPrincipalName));
    principals.push(...implicit.map((own) => samStream(nameKey, own, name)));
  }
  const [sam, ...principal] = await Promise.all(
    [samStream(nameKey, domain, samAccountName), ...principals].map(others),
  );
  return { sam: sam ?? [], principal: [...new Set(principal.flat())] };
}
