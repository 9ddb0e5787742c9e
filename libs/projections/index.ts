/** Read models: projections, the projectors that keep them, and their queries. */
import { attemptsProjection } from './attempts/attempts.projection.js';
import { directoryProjection } from './spn-directory/directory.projection.js';
import { eventsProjection } from './events/events.projection.js';
import { operationsProjection } from './operations/operations.projection.js';
import type { Projection } from './projection.js';

export const projections: readonly Projection[] = [
  eventsProjection,
  directoryProjection,
  attemptsProjection,
  operationsProjection,
];

export type { Projection } from './projection.js';
export { type KafkaProjectorsOptions, observeProjectors, startKafkaProjectors } from './kafka-projectors.js';
export { PROJECTORS, startProjectors, type Projectors, type ProjectorStatus } from './projectors.js';
export { decodeCursor, instantText, InvalidCursor, paging, toPage, type Page } from './query-parameters.js';
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
export { findImportTexts, findPerson, type KnownAccount, type KnownPerson } from './persons/find-person.query.js';
export { rebuild, RebuildRunning, type RebuildOptions, type Rebuilt } from './rebuild.js';
export { findAttempts, findAttemptsParameters, getAttempt, type FindAttempts } from './attempts/attempts.query.js';
export type { AttemptView } from './attempts/attempt-view.js';
export {
  findFailures,
  findFailuresParameters,
  getFailure,
  type FailureView,
  type FindFailures,
} from './failures/failures.query.js';
export { countTickets, countTicketsParameters, type CountTickets, type TicketCount } from './attempts/tickets.query.js';
export { TooMuchEvidence } from './attempts/known-attempts.js';
export {
  accountTimelineParameters,
  getAccountTimeline,
  type AccountTimeline,
  type AccountTimelineParameters,
} from './timeline/account-timeline.query.js';
export { AsKnownNeedsKey, findSpns, findSpnsParameters, type FindSpns } from './spn-directory/spns.query.js';
export {
  getSpnHistory,
  getSpnHistoryParameters,
  getSpnHolders,
  getSpnHoldersParameters,
  type GetSpnHistory,
  type GetSpnHolders,
  type SpnHolders,
} from './spn-directory/holders.query.js';
export { checkSpn, checkSpnParameters, type CheckedSpn, type CheckSpn } from './spn-directory/check-spn.query.js';
export type { HeldSpn } from './spn-directory/held-spn.js';
export { findDuplicates, findDuplicatesParameters, type FindDuplicates } from './duplicates/duplicates.query.js';
export type { DuplicateSpn } from './duplicates/duplicate-view.js';
export {
  findFindings,
  findFindingsParameters,
  type DirectoryFinding,
  type FindFindings,
} from './findings/findings.query.js';
export {
  AccountAmbiguous,
  findAccounts,
  findAccountsParameters,
  getAccount,
  getAccountParameters,
  type AccountView,
  type AccountWithSpns,
  type FindAccounts,
  type GetAccount,
} from './accounts/accounts.query.js';
export {
  findForests,
  findForestsParameters,
  getForest,
  type FindForests,
  type ForestView,
} from './forests/forests.query.js';
export { tableDigest } from './table-digest.js';
