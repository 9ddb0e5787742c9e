/**
 * Service class aliases: the multi-valued sPNMappings attribute (MS-ADA3), whose entry `host=a,b,c` makes a, b and c
 * aliases of host. The map is data: ordered, changed by administrators, resolved by the first match in value order and
 * not transitively. An explicit SPN always beats a mapped one (MS-DRSR LookupSPN).
 */
import { lookupClass, lookupFold, lookupKey, lookupName } from './keys.js';
import { quote, SpnSyntaxError } from './spn.error.js';
import type { Spn } from './spn.js';

/** Classes are in their lookup form (folded). */
export interface AliasEntry {
  readonly target: string;
  readonly aliases: readonly string[];
}

export type AliasMap = readonly AliasEntry[];

/** A class is at most this long, and an entry holds at most this many. */
const CLASS_LENGTH_MAX = 255;
const ALIASES_MAX = 1_024;

/** Reads one sPNMappings value. Throws SpnSyntaxError (SPN_ALIAS_ENTRY). */
export function parseAliasEntry(text: string): AliasEntry {
  const equals = text.indexOf('=');
  const target = text.slice(0, Math.max(equals, 0));
  const aliases = text.slice(equals + 1).split(',', ALIASES_MAX + 1);
  const isClass = (name: string): boolean =>
    name.trim() !== '' && name.length <= CLASS_LENGTH_MAX && !/[/=\0]/.test(name);
  const bad = [target, ...aliases].find((name) => !isClass(name));
  if (equals < 0 || bad !== undefined || aliases.length > ALIASES_MAX) {
    const offset = equals < 0 ? 0 : Math.max(text.indexOf(bad ?? ''), 0);
    throw new SpnSyntaxError(
      'SPN_ALIAS_ENTRY',
      offset,
      `${quote(text)} is not an sPNMappings value: write target=alias,alias with at most ${ALIASES_MAX} classes and no "/"`,
    );
  }
  return { target: lookupFold(target.trim()), aliases: aliases.map((alias) => lookupFold(alias.trim())) };
}

/** The 52 classes that Active Directory maps to host by default: setspn's page and the AD schema update document agree. */
export const defaultAliasMap: AliasMap = [
  parseAliasEntry(
    'host=alerter,appmgmt,browser,cifs,cisvc,clipsrv,dcom,dhcp,dmserver,dns,dnscache,eventlog,eventsystem,fax,http,ias,' +
      'iisadmin,mcsvc,messenger,msiserver,netdde,netddedsm,netlogon,netman,nmagent,oakley,plugplay,policyagent,' +
      'protectedstorage,rasman,remoteaccess,replicator,rpc,rpclocator,rpcss,rsvp,samss,scardsvr,scesrv,schedule,scm,' +
      'seclogon,snmp,spooler,tapisrv,time,trksvr,trkwks,ups,w3svc,wins,www',
  ),
];

/** The class that `serviceClass` is an alias of, or undefined. */
export function resolveAlias(map: AliasMap, serviceClass: string): string | undefined {
  const folded = lookupFold(serviceClass);
  return map.find((entry) => entry.aliases.includes(folded))?.target;
}

/** The classes that `resolveAlias` maps to `target`, in map order. */
export function aliasesOf(map: AliasMap, target: string): string[] {
  const folded = lookupFold(target);
  const classes = map.filter((entry) => entry.target === folded).flatMap((entry) => entry.aliases);
  return [...new Set(classes)].filter((serviceClass) => resolveAlias(map, serviceClass) === folded);
}

/** The lookup keys under which a KDC searches a presented SPN, in order: its own, then its alias target's if it has one. */
export function lookupCandidates(map: AliasMap, spn: Spn): string[] {
  const target = resolveAlias(map, lookupClass(spn));
  return target === undefined ? [lookupKey(spn)] : [lookupKey(spn), `${target}/${lookupName(spn)}`];
}
