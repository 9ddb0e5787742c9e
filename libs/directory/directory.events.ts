/** The directory's whole event catalogue, as the event store and other readers of events take it. */
import { accountEvents } from './account/account.events.js';
import { forestEvents } from './forest/forest.events.js';
import { nameEvents } from './name/name.events.js';
import { observedEvents } from './observed/observed.events.js';

export const directoryEvents = { ...forestEvents, ...accountEvents, ...nameEvents, ...observedEvents };
