/** Read models: projections, the projectors that keep them, and their queries. */
import { attemptsProjection } from './attempts/attempts.projection.js';
import { eventsProjection } from './events/events.projection.js';
import { operationsProjection } from './operations/operations.projection.js';
import type { Projection } from './projection.js';

export const projections: readonly Projection[] = [eventsProjection, attemptsProjection, operationsProjection];

export type { Projection } from './projection.js';
export { PROJECTORS, startProjectors, type Projectors, type ProjectorStatus } from './projectors.js';
export { instantText, InvalidCursor, type Page } from './query-parameters.js';
export {
  findImports,
  findOperationsParameters,
  findTokens,
  type FindOperations,
  type ImportRow,
  type TokenRow,
} from './operations/operations.query.js';
export {
  findEvents,
  findEventsParameters,
  getEvent,
  tailEvents,
  tailEventsParameters,
  type FindEvents,
  type LoggedEvent,
  type TailEvents,
} from './events/events.query.js';
