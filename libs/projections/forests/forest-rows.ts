/** Forests, their domains and policies, from the events that name them. What sources say of a forest adds up in any order. */
import { instantToNanos, type RecordedEvent } from '#event-store';
import type { PoolClient } from 'pg';
import { insertRows, rowsAsJson, storable, type Row } from '../bulk-rows.js';

const OBSERVED = 'observed:';
/** A dump tells of one instant; every other event says that an audit log tells of its time. */
const DUMPS: ReadonlySet<string> = new Set(['AccountListed', 'DirectoryDumped']);

type Mention = { name: string | null; auditedFrom: bigint | null; auditedTo: bigint | null };

/** What events say of forests, gathered in the order of the log; as large as there are forests, domains and policies. */
export class ForestFacts {
  readonly #mentions = new Map<string, Mention>();
  readonly #domains = new Map<string, Row>();
  readonly policies: Row[] = [];

  add(events: readonly RecordedEvent[]): this {
    for (const event of events) {
      const forest = storable(String(event.data['forest']));
      this.#mentions.set(forest, mention(this.#mentions.get(forest), event));
      const { domain, netbiosName, policy } = event.data;
      const key = typeof domain === 'string' ? `${forest}\0${domain}` : undefined;
      if (key !== undefined && !this.#domains.has(key))
        this.#domains.set(key, { forest, domain: storable(String(domain)), netbios_name: netbiosName });
      if (policy !== undefined) this.policies.push(policyRow(forest, event));
    }
    return this;
  }

  get forests(): Row[] {
    return [...this.#mentions].map(([forest, { name, auditedFrom, auditedTo }]) => ({
      forest,
      name: name ?? forest.replace(OBSERVED, ''),
      origin: forest.startsWith(OBSERVED) ? 'observed' : 'own',
      audited_from: auditedFrom,
      audited_to: auditedTo,
    }));
  }

  get domains(): Row[] {
    return [...this.#domains.values()];
  }
}

/** Gives the forests whose policy, and with it the alias map, is another one now. */
export async function writeForests(tx: PoolClient, events: readonly RecordedEvent[]): Promise<string[]> {
  const { forests, domains, policies } = new ForestFacts().add(events);
  await upsertForests(tx, forests);
  await insertRows(tx, 'domain', domains);
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

async function upsertForests(tx: PoolClient, forests: readonly Row[]): Promise<void> {
  await tx.query(
    `INSERT INTO forest AS known SELECT * FROM json_populate_recordset(NULL::forest, $1)
     ON CONFLICT (forest) DO UPDATE SET audited_from = LEAST(known.audited_from, EXCLUDED.audited_from),
                                        audited_to = GREATEST(known.audited_to, EXCLUDED.audited_to)`,
    [rowsAsJson(forests)],
  );
}
