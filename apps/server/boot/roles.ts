/** Starts the roles of this process that work in the background; what role `api` does beside answering is boot/api.ts. */
import type pino from 'pino';
import { observeProjectors, projections, type Projectors, startProjectors } from '#projections';
import type { ServerConfig } from '../config.js';
import { KafkaRoles, OVER_KAFKA } from './kafka.js';
import type { OpenLog } from './log.js';
import type { Undo } from './undo.js';

export type Roles = {
  /** Read models as this process keeps them, or as others do. */
  readonly projectors: Projectors;
  /** Of a process that works over Kafka. */
  readonly kafka?: KafkaRoles;
};

export function startRoles(config: ServerConfig, log: OpenLog, logger: pino.Logger, undo: Undo): Roles {
  const { roles, kafka: settings } = config;
  const { store, pool, database } = log;
  if (settings && OVER_KAFKA.some((role) => roles.has(role))) {
    const kafka = new KafkaRoles({ settings, roles, log, logger });
    undo.add(() => kafka.stop());
    return { projectors: kafka.projectors, kafka };
  }
  if (!roles.has('projector')) return { projectors: observeProjectors({ pool, projections }) };
  const told = (message: string): void => logger.warn(message);
  const projectors = startProjectors({ store, pool: database.projectorPool, projections, log: told });
  undo.add(() => projectors.stop());
  return { projectors };
}
