/** Everything that sources and we ourselves recorded about one account, under any of its names, as client, holder, service or actor. */
import type { EventStore } from '#event-store';
import type { PrismaClient } from '#postgres';
import { z } from 'zod';
import { findEvents, findEventsParameters, type LoggedEvent } from '../events/events.query.js';
import type { Page } from '../query-parameters.js';
import { resolveAccountName, type NamedAccounts } from '../accounts/account-names.js';

export const accountTimelineParameters = findEventsParameters.omit({ account: true });
export type AccountTimelineParameters = z.infer<typeof accountTimelineParameters>;

/** `accounts`: those that go by the name; none when events name it but nothing else is known of it. */
export type AccountTimeline = Page<LoggedEvent> & Pick<NamedAccounts, 'accounts'>;

/** `account` is any name of it. Throws InvalidCursor. */
export async function getAccountTimeline(
  prisma: PrismaClient,
  store: EventStore,
  account: string,
  parameters: AccountTimelineParameters,
): Promise<AccountTimeline> {
  const { accounts } = await resolveAccountName(prisma, account, parameters.forest);
  return { accounts, ...(await findEvents(prisma, store, { ...parameters, account })) };
}
