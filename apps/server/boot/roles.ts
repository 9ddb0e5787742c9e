/** Starts the roles of this process that work in the background; role `api` is boot/api.ts and the controllers. */
import type pino from 'pino';
import { projections, type Projectors, startProjectors } from '#projections';
import type { ServerConfig } from '../config.js';
import { KafkaRoles } from './kafka.js';
import type { OpenLog } from './log.js';
import type { Undo } from './undo.js';

export type Roles = {
  /** Of a process that keeps read models or answers from them. */
  readonly projectors?: Projectors;
  /** Of a process that works over Kafka. */
  readonly kafka?: KafkaRoles;
};

export function startRoles(config: ServerConfig, log: OpenLog, logger: pino.Logger, undo: Undo): Roles {
  const { roles, kafka: settings } = config;
  const kafka = settings && roles.has('relay') ? new KafkaRoles({ settings, roles, log, logger }) : undefined;
  if (kafka) undo.add(() => kafka.stop());
  if (!roles.has('projector') && !roles.has('api')) return { ...(kafka && { kafka }) };
  const projectors = startProjectors({
    store: log.store,
    pool: log.database.projectorPool,
    projections,
    log: (message) => logger.warn(message),
  });
  undo.add(() => projectors.stop());
  return { projectors, ...(kafka && { kafka }) };
}
