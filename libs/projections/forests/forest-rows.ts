/** Forests, their domains and policies, from the events that name them. What sources say of a forest adds up in any order. */
import { instantToNanos, type RecordedEvent } from '#event-store';
import type { PoolClient } from 'pg';
import { insertRows, storable, type Row } from '../bulk-rows.js';

const OBSERVED = 'observed:';
/** A dump tells of one instant; every other event says that an audit log tells of its time. */
const DUMPS: ReadonlySet<string> = new Set(['AccountListed', 'DirectoryDumped']);

type Mention = { name: string | null; auditedFrom: bigint | null; auditedTo: bigint | null };

/** Gives the forests whose policy, and with it the alias map, is another one now. */
export async function writeForests(tx: PoolClient, events: readonly RecordedEvent[]): Promise<string[]> {
  const mentions = new Map<string, Mention>();
  const domains = new Map<string, Row>();
  const policies: Row[] = [];
  for (const event of events) {
    const forest = storable(String(event.data['forest']));
    mentions.set(forest, mention(mentions.get(forest), event));
    const { domain, netbiosName, policy } = event.data;
    const isKnown = typeof domain !== 'string' || domains.has(`${forest}\0${domain}`);
    if (!isKnown) domains.set(`${forest}\0${domain}`, { forest, domain: storable(domain), netbios_name: netbiosName });
    if (policy !== undefined) policies.push(policyRow(forest, event));
  }
  await upsertForests(tx, mentions);
  await insertRows(tx, 'domain', [...domains.values()]);
  await insertRows(tx, 'forest_policy', policies);
  return [...new Set(policies.map(({ forest }) => String(forest)))];
}

function mention(before: Mention | undefined, { type, data, occurredAt }: RecordedEvent): Mention {
  const { name, auditedFrom, auditedTo } = before ?? { name: null, auditedFrom: null, auditedTo: null };
  if (DUMPS.has(type)) return { name, auditedFrom, auditedTo };
  const at = instantToNanos(occurredAt);
  return {
    name: type === 'ForestCreated' ? String(data['name']) : name,
    auditedFrom: auditedFrom === null || at < auditedFrom ? at : auditedFrom,
    auditedTo: auditedTo === null || at > auditedTo ? at : auditedTo,
  };
}

function policyRow(forest: string, { version, occurredAt, data, position, recordedAt }: RecordedEvent): Row {
  const since = instantToNanos(occurredAt);
  return { forest, version, since, policy: data['policy'], position, recorded_at: instantToNanos(recordedAt) };
}

async function upsertForests(tx: PoolClient, mentions: ReadonlyMap<string, Mention>): Promise<void> {
  const forests = [...mentions.keys()];
  const found = [...mentions.values()];
  await tx.query(
    `INSERT INTO forest AS known (forest, name, origin, audited_from, audited_to)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
     ON CONFLICT (forest) DO UPDATE SET audited_from = LEAST(known.audited_from, EXCLUDED.audited_from),
                                        audited_to = GREATEST(known.audited_to, EXCLUDED.audited_to)`,
    [
      forests,
      found.map(({ name }, index) => name ?? (forests[index] ?? '').replace(OBSERVED, '')),
      forests.map((forest) => (forest.startsWith(OBSERVED) ? 'observed' : 'own')),
      found.map(({ auditedFrom }) => auditedFrom),
      found.map(({ auditedTo }) => auditedTo),
    ],
  );
}
