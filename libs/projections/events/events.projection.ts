/** Read model of the event timeline: one index row per event of the log. */
import { insertRows } from '../bulk-rows.js';
import type { Projection } from '../projection.js';
import { eventIndexRow } from './event-index.js';

export const eventsProjection: Projection = {
  name: 'events',
  version: 1,
  tables: ['event_index'],
  apply: (tx, events) => insertRows(tx, 'event_index', events.map(eventIndexRow)),
  build: async (log, target) => {
    for await (const events of log) await target.write('event_index', events.map(eventIndexRow));
  },
};
