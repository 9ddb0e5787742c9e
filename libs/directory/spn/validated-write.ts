/**
 * The validated write of servicePrincipalName: what a computer or managed service may register on itself
 * (MS-ADTS 3.1.1.5.3.1.1.4). Two parts, no instance name, and a host that is the account's own dNSHostName or its
 * sAMAccountName without the `$`. The extras of domain controllers and the msDS-Additional* names are not modelled.
 */
import { fold, parseSpn } from '#spn';
import type { AccountState } from '../account/account-state.js';

type OwnNames = Pick<AccountState, 'samAccountName' | 'dnsHostName'>;

/** Why the account may not register this SPN on itself; null when it may. `spn` must parse. */
export function validatedWriteObjection(spn: string, own: OwnNames): string | null {
  const { host, instanceName, serviceName } = parseSpn(spn);
  if (serviceName !== undefined) return `${spn} has three parts, which only a domain controller may register on itself`;
  if (instanceName !== undefined) return `${spn} has an instance name, which a validated write does not allow`;
  if (ownHosts(own).some((name) => fold(name) === fold(host))) return null;
  return `${spn} names another host than the account's own: ${ownHosts(own).join(' or ')}`;
}

/** dNSHostName, and sAMAccountName without its `$`. */
export function ownHosts({ samAccountName, dnsHostName }: OwnNames): string[] {
  const short = samAccountName.replace(/\$$/, '');
  return dnsHostName === null ? [short] : [dnsHostName, short];
}
