/** Attempts at services, and refused logons: a page of them, or one with everything that is known of it. */
import { instantToNanos } from '#event-store';
import type { Prisma, PrismaClient } from '#postgres';
import { z } from 'zod';
import { nameKey } from '../name-key.js';
import { decodeCursor, instantText, paging, toPage, type Page } from '../query-parameters.js';
import { resolveAccountName, type NamedAccounts } from '../accounts/account-names.js';
import { outcomes, type Attempt, type Step } from './attempt.js';
import { viewAttempts, type AttemptView } from './attempt-view.js';
import { spnKeyOf } from './evidence.js';
import type { Confidence, RuleId } from './join-rules.js';
import { readAttemptsKnownBy } from './known-attempts.js';

export const attemptFilter = {
  /** A refused logon never came to a service and is an attempt of its own kind. */
  kind: z.enum(['service', 'logon', 'all']).default('service'),
  outcome: z.enum(outcomes).optional(),
  forest: z.string().optional(),
  /** Any name of an account in it: client, holder or service. */
  account: z.string().optional(),
  spn: z.string().optional(),
  code: z.string().optional(),
  /** From (inclusive) and to (exclusive). */
  since: instantText.optional(),
  until: instantText.optional(),
};
export const attemptPaging = { ...paging, order: z.enum(['asc', 'desc']).default('desc') };

export const findAttemptsParameters = z
  .object({ ...attemptFilter, ...attemptPaging, asKnown: instantText.optional() })
  .refine(({ asKnown, since, until }) => asKnown === undefined || (since !== undefined && until !== undefined), {
    error: 'asKnown derives the attempts anew: say with since and until of which time',
  });
export type FindAttempts = z.infer<typeof findAttemptsParameters>;
export type AttemptFilter = z.infer<z.ZodObject<typeof attemptFilter>>;

/** Throws InvalidCursor, and with `asKnown` TooMuchEvidence. */
export async function findAttempts(prisma: PrismaClient, parameters: FindAttempts): Promise<Page<AttemptView>> {
  const { asKnown, limit } = parameters;
  const knownBy = asKnown === undefined ? undefined : instantToNanos(asKnown);
  const found =
    knownBy === undefined
      ? await readAttempts(prisma, parameters)
      : pageOf(
          await readAttemptsKnownBy(prisma, spanOf(parameters), knownBy),
          parameters,
          await accountsOf(prisma, parameters),
        );
  const page = toPage(found, limit, ({ at, id }) => [at.toString(), id]);
  return { rows: await viewAttempts(prisma, page.rows, knownBy === undefined ? {} : { knownBy }), next: page.next };
}

/** By its id, or by that of an event in it: what an attempt rests on may change when more becomes known. Null: none. */
export async function getAttempt(prisma: PrismaClient, id: string): Promise<AttemptView | null> {
  const attempt = await readAttempt(prisma, id);
  return attempt ? ((await viewAttempts(prisma, [attempt]))[0] ?? null) : null;
}

/** As above, without the view. */
export async function readAttempt(prisma: PrismaClient, id: string): Promise<Attempt | null> {
  const isEvent = z.uuid().safeParse(id).success;
  const row =
    (await prisma.attempt.findUnique({ where: { id } })) ??
    (isEvent
      ? await prisma.attempt.findFirst({ where: { evidence: { has: id } }, orderBy: { attemptedAt: 'asc' } })
      : null);
  return row && toAttempt(row);
}

type Paging = { readonly limit: number; readonly cursor?: string | undefined; readonly order: 'asc' | 'desc' };

/** One more than the page holds. Throws InvalidCursor. */
export async function readAttempts(prisma: PrismaClient, parameters: AttemptFilter & Paging): Promise<Attempt[]> {
  const { limit, order } = parameters;
  const named = await accountsOf(prisma, parameters);
  const start = startOf(parameters);
  const beyond = order === 'asc' ? 'gt' : 'lt';
  const rows = await prisma.attempt.findMany({
    where: {
      AND: [
        ...conditions(parameters, named),
        ...(start
          ? [{ OR: [{ attemptedAt: { [beyond]: start.at } }, { attemptedAt: start.at, id: { [beyond]: start.id } }] }]
          : []),
      ],
    },
    orderBy: [{ attemptedAt: order }, { id: order }],
    take: limit + 1,
  });
  return rows.map(toAttempt);
}

async function accountsOf(prisma: PrismaClient, { account, forest }: AttemptFilter): Promise<NamedAccounts | null> {
  return account === undefined ? null : resolveAccountName(prisma, account, forest);
}

/** A name that is an account's is looked for in the forests of the accounts that have it. */
function conditions(filter: AttemptFilter, named: NamedAccounts | null): Prisma.AttemptWhereInput[] {
  const { kind, outcome, forest, spn, code, since, until } = filter;
  return [
    ...(kind === 'all' ? [] : [{ kind }]),
    ...(outcome === undefined ? [] : [{ outcome }]),
    ...(forest === undefined ? [] : [{ forest }]),
    ...(named === null ? [] : [{ names: { hasSome: [...named.keys] } }]),
    ...(named?.accounts.length ? [{ forest: { in: named.accounts.map((one) => one.forest) } }] : []),
    ...(spn === undefined ? [] : [{ spnKey: spnKeyOf(spn) }]),
    ...(code === undefined ? [] : [{ code }]),
    ...(since === undefined ? [] : [{ attemptedAt: { gte: instantToNanos(since) } }]),
    ...(until === undefined ? [] : [{ attemptedAt: { lt: instantToNanos(until) } }]),
  ];
}

/** The same conditions and order for attempts that were derived just now. */
function pageOf(
  attempts: readonly Attempt[],
  parameters: AttemptFilter & Paging,
  named: NamedAccounts | null,
): Attempt[] {
  const { kind, outcome, forest, spn, code, since, until, order } = parameters;
  const sign = order === 'asc' ? 1 : -1;
  const start = startOf(parameters);
  const compare = (a: { at: bigint; id: string }, b: { at: bigint; id: string }): number =>
    sign * (a.at === b.at ? (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) : a.at < b.at ? -1 : 1);
  const isNamed = ({ forest: of, client, clientName, account, service }: Attempt): boolean =>
    named === null ||
    ((named.accounts.length === 0 || named.accounts.some((one) => one.forest === of)) &&
      [client, clientName, account, service].some((name) => name !== null && named.keys.includes(nameKey(name))));
  return attempts
    .filter(
      (one) =>
        (kind === 'all' || one.kind === kind) &&
        (outcome === undefined || one.outcome === outcome) &&
        (forest === undefined || one.forest === forest) &&
        isNamed(one) &&
        (spn === undefined || (one.spn !== null && spnKeyOf(one.spn) === spnKeyOf(spn))) &&
        (code === undefined || one.code === code) &&
        (since === undefined || one.at >= instantToNanos(since)) &&
        (until === undefined || one.at < instantToNanos(until)) &&
        (start === undefined || compare(one, start) > 0),
    )
    .toSorted(compare);
}

const attemptCursor = z.tuple([z.string().regex(/^-?\d+$/), z.string()]);

function startOf({ cursor }: Paging): { at: bigint; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = decodeCursor(cursor, attemptCursor);
  return { at: BigInt(at), id };
}

function spanOf({ since, until }: FindAttempts): { from: bigint; to: bigint } {
  return { from: instantToNanos(since!), to: instantToNanos(until!) };
}

type AttemptModel = Prisma.AttemptGetPayload<object>;

function toAttempt({ attemptedAt, clientKey: _c, spnKey: _s, names: _n, ...row }: AttemptModel): Attempt {
  return {
    ...row,
    at: attemptedAt,
    kind: row.kind as Attempt['kind'],
    outcome: row.outcome as Attempt['outcome'],
    failedStep: row.failedStep as Attempt['failedStep'],
    rules: row.rules as RuleId[],
    confidence: row.confidence as Confidence,
    steps: row.steps as unknown as Step[],
  };
}
