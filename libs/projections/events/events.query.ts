/**
 * The event timeline. Events are found by the index and given as the log has them: `FindEvents` in order of the instant at
 * which they occurred, `TailEvents` in order of the log, waiting for more, `GetEvent` one with the leaf that commits to it.
 */
import { instantToNanos, type EventStore, type LeafRecord, type RecordedEvent } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { decodeCursor, instantText, paging, toPage, type Page } from '../query-parameters.js';
import { resolveAccountName } from '../accounts/account-names.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';

const filter = {
  type: z.string().optional(),
  stream: z.string().optional(),
  forest: z.string().optional(),
  /** As the event's metadata has it: a token's actor, or a SID of the source. */
  actor: z.string().optional(),
  /** Any name of an account: id, distinguished name, principal, account name, SID. */
  account: z.string().optional(),
  spn: z.string().optional(),
  code: z.string().optional(),
  /** From (inclusive) and to (exclusive), by `occurredAt`. */
  since: instantText.optional(),
  until: instantText.optional(),
};

export const findEventsParameters = z.object({ ...filter, ...paging, order: z.enum(['asc', 'desc']).default('desc') });
export type FindEvents = z.infer<typeof findEventsParameters>;

const TAIL_WAIT_SECONDS_MAX = 30;
const TAIL_POLL_MS = 100;

export const tailEventsParameters = z.object({
  ...filter,
  /** Position after which to read. */
  after: z.coerce.number().int().min(0).default(0),
  limit: paging.limit,
  /** How long to wait for the first event, when there is none yet. */
  waitSeconds: z.coerce.number().int().min(0).max(TAIL_WAIT_SECONDS_MAX).default(0),
});
export type TailEvents = z.infer<typeof tailEventsParameters>;

/** The event in its current shape, personal data opened where its keys are there, and the leaf that the stored one links to. */
export type LoggedEvent = RecordedEvent & { readonly prev: string | null };

const eventCursor = z.tuple([z.string().regex(/^-?\d+$/), z.number().int()]);

/** Throws InvalidCursor. */
export async function findEvents(
  prisma: PrismaClient,
  store: EventStore,
  parameters: FindEvents,
): Promise<Page<LoggedEvent>> {
  const { limit, cursor, order } = parameters;
  const where = await conditions(prisma, parameters);
  if (cursor !== undefined) {
    const [at, position] = decodeCursor(cursor, eventCursor);
    const beyond = order === 'asc' ? 'gt' : 'lt';
    const occurredAt = BigInt(at);
    where.push({ OR: [{ occurredAt: { [beyond]: occurredAt } }, { occurredAt, position: { [beyond]: position } }] });
  }
  const found = await prisma.eventIndex.findMany({
    where: { AND: where },
    orderBy: [{ occurredAt: order }, { position: order }],
    take: limit + 1,
    select: { position: true, occurredAt: true },
  });
  const page = toPage(found, limit, ({ occurredAt, position }) => [occurredAt.toString(), Number(position)]);
  return { rows: await readEvents(store, page.rows), next: page.next };
}

/** `next` is the `after` of the next call, also when nothing came. */
export async function tailEvents(
  prisma: PrismaClient,
  store: EventStore,
  parameters: TailEvents,
): Promise<{ readonly rows: readonly LoggedEvent[]; readonly next: number }> {
  const { after, limit, waitSeconds } = parameters;
  const where = { AND: [...(await conditions(prisma, parameters)), { position: { gt: after } }] };
  const deadline = performance.now() + waitSeconds * 1_000;
  for (;;) {
    const found = await prisma.eventIndex.findMany({
      where,
      orderBy: { position: 'asc' },
      take: limit,
      select: { position: true },
    });
    const last = found.at(-1);
    if (last) return { rows: await readEvents(store, found), next: Number(last.position) };
    if (performance.now() >= deadline) return { rows: [], next: after };
    await delay(TAIL_POLL_MS);
  }
}

/**
 * The event, its hex leaf and the exact bytes that the leaf commits to, as text: there personal data is sealed. Null when
 * there is none yet.
 */
export async function getEvent(
  store: EventStore,
  position: number,
): Promise<{ readonly event: LoggedEvent; readonly leaf: string; readonly body: string } | null> {
  const [record] = await store.recordsAt([position]);
  if (!record) return null;
  const [event] = await logged(store, [record]);
  return { event: event!, leaf: record.leaf, body: record.body };
}

/** A name that is an account's is looked for in the forests of the accounts that have it, and in events of no forest. */
async function conditions(
  prisma: PrismaClient,
  parameters: z.infer<z.ZodObject<typeof filter>>,
): Promise<Prisma.EventIndexWhereInput[]> {
  const { type, stream, forest, actor, code, account, spn, since, until } = parameters;
  const equal = Object.entries({ type, stream, forest, actor, code }).filter(([, value]) => value !== undefined);
  const named = account === undefined ? null : await resolveAccountName(prisma, account, forest);
  const forests = (named?.accounts ?? []).map((one) => ({ forest: one.forest }));
  return [
    Object.fromEntries(equal),
    ...(named === null ? [] : [{ names: { hasSome: [...named.keys] } }]),
    ...(forests.length === 0 ? [] : [{ OR: [{ forest: null }, ...forests] }]),
    ...(spn === undefined ? [] : [{ spnKeys: { has: spnIndexKeys(spn).lookupKey } }]),
    ...(since === undefined ? [] : [{ occurredAt: { gte: instantToNanos(since) } }]),
    ...(until === undefined ? [] : [{ occurredAt: { lt: instantToNanos(until) } }]),
  ];
}

/** In the order of `found`. */
async function readEvents(store: EventStore, found: readonly { readonly position: bigint }[]): Promise<LoggedEvent[]> {
  const events = await logged(store, await store.recordsAt(found.map(({ position }) => Number(position))));
  const byPosition = new Map(events.map((event) => [event.position, event]));
  return found.flatMap(({ position }) => byPosition.get(Number(position)) ?? []);
}

async function logged(store: EventStore, records: readonly LeafRecord[]): Promise<LoggedEvent[]> {
  const events = await store.decode(records);
  return events.map((event, n) => {
    const { prev } = JSON.parse(records[n]!.body) as Pick<LoggedEvent, 'prev'>;
    return { ...event, prev };
  });
}
