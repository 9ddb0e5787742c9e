/** What `npm run bench:log` measures: the cases of every contender, and the ratios that issue and design ask for. */
import type { Load } from './contender.js';

export type ContenderName =
  'plain' | 'prisma' | 'emmett' | 'message-db' | 'kerbtrail' | 'kerbtrail-evidence' | 'kerbtrail-sealing';

export type Case = {
  readonly id: string;
  readonly contender: ContenderName;
  /** The contender's name for it. */
  readonly run: string;
  readonly load: Partial<Load>;
};

const CALLERS = [1, 32, 256, 1_000] as const;

export const appendCases: readonly Case[] = [
  { id: 'INSERT, 1 connection', contender: 'plain', run: 'insert', load: { callers: 1 } },
  { id: 'INSERT, 32 connections', contender: 'plain', run: 'insert', load: { callers: 32 } },
  ...[100, 500, 1_000].map(
    (batch) => ({ id: `unnest ${batch}`, contender: 'plain', run: `unnest ${batch}`, load: {} }) as const,
  ),
  { id: 'COPY', contender: 'plain', run: 'copy', load: {} },
  { id: 'Prisma create, 1 caller', contender: 'prisma', run: 'create', load: { callers: 1 } },
  { id: 'Prisma create, 32 callers', contender: 'prisma', run: 'create', load: { callers: 32 } },
  { id: 'Prisma createMany 1000', contender: 'prisma', run: 'createMany 1000', load: { count: 20_000 } },
  { id: 'emmett, 1 caller', contender: 'emmett', run: 'append', load: { callers: 1 } },
  { id: 'emmett, 32 callers', contender: 'emmett', run: 'append', load: { callers: 32 } },
  { id: 'message-db, 1 caller', contender: 'message-db', run: 'write', load: { callers: 1 } },
  { id: 'message-db, 32 callers', contender: 'message-db', run: 'write', load: { callers: 32 } },
  ...CALLERS.map(
    (callers) =>
      ({ id: `ours, ${callers} callers`, contender: 'kerbtrail', run: 'append', load: { callers } }) as const,
  ),
  { id: 'ours, bulk', contender: 'kerbtrail', run: 'bulk', load: {} },
  { id: 'ours, 32 callers, evidence', contender: 'kerbtrail-evidence', run: 'append', load: { callers: 32 } },
  { id: 'ours, 1000 callers, evidence', contender: 'kerbtrail-evidence', run: 'append', load: { callers: 1_000 } },
  { id: 'ours, 32 callers, sealing', contender: 'kerbtrail-sealing', run: 'append', load: { callers: 32 } },
  { id: 'ours, 1000 callers, sealing', contender: 'kerbtrail-sealing', run: 'append', load: { callers: 1_000 } },
];

export const replayCases: readonly Case[] = [
  { id: 'COPY TO, jsonb bytes', contender: 'plain', run: 'copy out', load: {} },
  { id: 'pg keyset', contender: 'plain', run: 'keyset', load: {} },
  { id: 'Prisma keyset', contender: 'prisma', run: 'keyset', load: {} },
  { id: 'emmett with indexes', contender: 'emmett', run: 'read all', load: {} },
  { id: 'message-db', contender: 'message-db', run: 'read category', load: {} },
  { id: 'ours, parsed', contender: 'kerbtrail', run: 'replay', load: {} },
  { id: 'ours, verified', contender: 'kerbtrail-evidence', run: 'verified replay', load: {} },
  { id: 'ours, sealed segments', contender: 'kerbtrail-evidence', run: 'sealed replay', load: {} },
  { id: 'ours, personal data opened', contender: 'kerbtrail-sealing', run: 'replay', load: {} },
];

/** A case's rate over another's, in the same round; the median of the rounds must reach `must`. */
export type Ratio = { readonly of: string; readonly to: string; readonly must?: number; readonly aim?: number };

export const ratios: readonly Ratio[] = [
  { of: 'ours, 1 callers', to: 'INSERT, 1 connection', must: 0.5, aim: 0.65 },
  { of: 'ours, 32 callers', to: 'emmett, 32 callers', must: 6, aim: 9 },
  { of: 'ours, 32 callers', to: 'message-db, 32 callers', must: 2.5, aim: 4 },
  { of: 'ours, 32 callers', to: 'INSERT, 32 connections', must: 1.5, aim: 2 },
  { of: 'ours, 1000 callers', to: 'COPY', must: 0.75, aim: 0.9 },
  { of: 'ours, bulk', to: 'COPY', must: 1, aim: 1.2 },
  { of: 'ours, 32 callers, evidence', to: 'ours, 32 callers', must: 0.85, aim: 0.95 },
  { of: 'ours, 1000 callers, evidence', to: 'ours, 1000 callers', must: 0.85, aim: 0.95 },
  { of: 'ours, 32 callers, sealing', to: 'ours, 32 callers' },
  { of: 'ours, 1000 callers, sealing', to: 'ours, 1000 callers' },
  { of: 'ours, parsed', to: 'COPY TO, jsonb bytes', must: 1.4, aim: 1.6 },
  { of: 'ours, parsed', to: 'Prisma keyset', must: 3 },
  { of: 'ours, parsed', to: 'emmett with indexes', must: 5 },
  { of: 'ours, parsed', to: 'message-db' },
  { of: 'ours, parsed', to: 'pg keyset' },
  { of: 'ours, verified', to: 'COPY TO, jsonb bytes', must: 0.75, aim: 1 },
  { of: 'ours, sealed segments', to: 'COPY TO, jsonb bytes' },
  { of: 'ours, personal data opened', to: 'ours, parsed' },
];

/** Its latencies, p50 and p99, must be lower than those of each of these. */
export const latencies: { readonly of: string; readonly than: readonly string[] } = {
  of: 'ours, 32 callers',
  than: ['emmett, 32 callers', 'message-db, 32 callers', 'INSERT, 32 connections'],
};
