/**
 * One forest: its domains and its policy (architecture §5). Pure: facts in, events out; a refusal is thrown as DirectoryRefusal.
 * A forest's id is the lower-case DNS name of its root domain, so it can never be that of an observed forest (`observed:…`).
 */
import { defaultAliasMap, parseAliasEntry, SpnSyntaxError } from '#spn';
import { DirectoryRefusal } from '../directory-refusal.error.js';
import type { ForestEvent, ForestPolicy } from './forest.events.js';

export type ForestDomain = { readonly domain: string; readonly netbiosName: string };

export type ForestState = {
  readonly forest: string;
  readonly name: string;
  readonly policy: ForestPolicy;
  /** The root domain is the first. */
  readonly domains: readonly ForestDomain[];
};

/** What a forest starts with: Windows as patched since November 2021, the lifetimes and skew of a default domain policy. */
export const defaultPolicy: ForestPolicy = {
  ruleProfile: 'kb5008382',
  enforcement: 'enforce',
  aliases: defaultAliasMap.map(({ target, aliases }) => ({ target, aliases: [...aliases] })),
  clockSkewSeconds: 300,
  logonLifetimeSeconds: 36_000,
  ticketLifetimeSeconds: 36_000,
  etypes: [18, 17],
};

const DOMAINS_MAX = 1_000;
const ALIAS_ENTRIES_MAX = 100;
const DNS_NAME_MAX = 255;
const DNS_NAME = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const NETBIOS_NAME = /^[^\s"/\\[\]:;|=,+*?<>.\p{Cc}]{1,15}$/u;

export function foldForest(events: readonly ForestEvent[]): ForestState | null {
  return events.reduce<ForestState | null>(evolve, null);
}

function evolve(state: ForestState | null, { type, data }: ForestEvent): ForestState | null {
  if (type === 'ForestCreated') return { ...data, domains: [] };
  if (!state) return null;
  if (type === 'PolicyChanged') return { ...state, policy: data.policy };
  return { ...state, domains: [...state.domains, { domain: data.domain, netbiosName: data.netbiosName }] };
}

/** Lower-case DNS name, or a DirectoryRefusal (DIR_NAME_INVALID). */
export function dnsName(text: string): string {
  const name = text.toLowerCase();
  if (name.length <= DNS_NAME_MAX && DNS_NAME.test(name)) return name;
  throw new DirectoryRefusal(
    'DIR_NAME_INVALID',
    `${JSON.stringify(text)} is not a DNS name: write one such as corp.example`,
  );
}

export type NewForest = {
  readonly name: string;
  /** Default: the first label of the name in upper case, at most 15 characters. */
  readonly netbiosName?: string | undefined;
  readonly policy?: Partial<ForestPolicy> | undefined;
};

/** A new forest with its root domain. `domainForest`: the forest that has a domain of this name already, if any. */
export function createForest(
  { existing, domainForest }: { readonly existing: ForestState | null; readonly domainForest: string | null },
  { name, netbiosName, policy = {} }: NewForest,
): ForestEvent[] {
  const forest = dnsName(name);
  if (existing) throw new DirectoryRefusal('DIR_FOREST_EXISTS', `there is a forest ${forest} already`);
  const created = { forest, name: forest, policy: normalPolicy({ ...defaultPolicy, ...policy }) };
  const events: ForestEvent[] = [{ type: 'ForestCreated', data: created }];
  return [
    ...events,
    ...addDomain({ state: { ...created, domains: [] }, domainForest }, { domain: forest, netbiosName }),
  ];
}

/** `domainForest`: the forest that has the domain already, if any. A domain belongs to one forest. */
export function addDomain(
  { state, domainForest }: { readonly state: ForestState; readonly domainForest: string | null },
  command: { readonly domain: string; readonly netbiosName?: string | undefined },
): ForestEvent[] {
  const domain = dnsName(command.domain);
  const netbiosName = (command.netbiosName ?? (domain.split('.')[0] ?? '').slice(0, 15)).toUpperCase();
  if (domainForest !== null)
    throw new DirectoryRefusal('DIR_DOMAIN_EXISTS', `domain ${domain} belongs to forest ${domainForest} already`);
  if (!NETBIOS_NAME.test(netbiosName)) {
    throw new DirectoryRefusal(
      'DIR_NAME_INVALID',
      `${JSON.stringify(netbiosName)} is not a NetBIOS domain name: write 1 to 15 characters such as CORP`,
    );
  }
  const twin = state.domains.find((other) => other.netbiosName === netbiosName);
  if (twin) {
    throw new DirectoryRefusal(
      'DIR_DOMAIN_EXISTS',
      `NetBIOS name ${netbiosName} belongs to domain ${twin.domain} of this forest: give another with netbiosName`,
    );
  }
  if (state.domains.length >= DOMAINS_MAX)
    throw new DirectoryRefusal(
      'DIR_LIMIT_REACHED',
      `forest ${state.forest} has ${DOMAINS_MAX} domains, which is the most`,
    );
  return [{ type: 'DomainAdded', data: { forest: state.forest, domain, netbiosName } }];
}

/** The named parts change, the others stay; no event when nothing changes. */
export function changePolicy(state: ForestState, changes: Partial<ForestPolicy>): ForestEvent[] {
  const policy = normalPolicy({ ...state.policy, ...changes });
  if (JSON.stringify(policy) === JSON.stringify(normalPolicy(state.policy))) return [];
  return [{ type: 'PolicyChanged', data: { forest: state.forest, policy } }];
}

/** Fields in one order, alias classes folded as look-ups see them. */
function normalPolicy(policy: ForestPolicy): ForestPolicy {
  if (policy.aliases.length > ALIAS_ENTRIES_MAX)
    throw new DirectoryRefusal('DIR_LIMIT_REACHED', `an alias map has at most ${ALIAS_ENTRIES_MAX} entries`);
  return {
    ruleProfile: policy.ruleProfile,
    enforcement: policy.enforcement,
    aliases: policy.aliases.map(normalAliases),
    clockSkewSeconds: policy.clockSkewSeconds,
    logonLifetimeSeconds: policy.logonLifetimeSeconds,
    ticketLifetimeSeconds: policy.ticketLifetimeSeconds,
    etypes: [...new Set(policy.etypes)],
  };
}

function normalAliases({ target, aliases }: ForestPolicy['aliases'][number]): ForestPolicy['aliases'][number] {
  try {
    const entry = parseAliasEntry(`${target}=${aliases.join(',')}`);
    return { target: entry.target, aliases: [...entry.aliases] };
  } catch (error) {
    if (!(error instanceof SpnSyntaxError)) throw error;
    throw new DirectoryRefusal('DIR_ALIASES_INVALID', error.message, { cause: error });
  }
}
