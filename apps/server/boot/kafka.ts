/**
 * The roles of this process that work over Kafka. They begin when a broker answers; until then the process does everything
 * else, says once why these wait, and tries again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pino from 'pino';
import { type RawIngestion, startRawIngestion } from '#ingestion';
import { connectKafka, type TopicSettings, type Transport } from '#kafka';
import { observeProjectors, projections, type Projectors, startKafkaProjectors } from '#projections';
import { type Relay, startRelay } from '#relay';
import type { KafkaSettings, ServerRole } from '../config.js';
import type { OpenLog } from './log.js';

export type KafkaStatus = { readonly state: 'connecting' | 'connected'; readonly trouble?: string };

export type RelayStatus = {
  /** `connecting`: no broker answered yet. `waiting`: another relay is active, or what `trouble` says. `failed`: for good. */
  readonly state: 'connecting' | ReturnType<Relay['state']>['mode'];
  readonly trouble?: string;
};

export type IngestStatus = {
  readonly state: 'connecting' | ReturnType<RawIngestion['status']>['state'];
  /** Those that this process reads: the next offset, and how many messages there are from it on, where that is known. */
  readonly partitions: readonly { readonly partition: number; readonly next: string; readonly behind: number | null }[];
  /** Since the start of this process: events new in the log and there already, messages that say nothing and quarantined ones. */
  readonly counts: Readonly<Record<'appended' | 'duplicates' | 'unmapped' | 'refused', number>>;
  readonly trouble?: string;
};

type KafkaParts = {
  readonly settings: KafkaSettings;
  readonly roles: ReadonlySet<ServerRole>;
  readonly log: OpenLog;
  readonly logger: pino.Logger;
};

const RETRY_MS = 1_000;
const NOTHING_TAKEN = { appended: 0, duplicates: 0, unmapped: 0, refused: 0 };
export const OVER_KAFKA: readonly ServerRole[] = ['projector', 'relay', 'ingest'];

export class KafkaRoles {
  /** However the read models are kept, how far they are stands in the database. */
  readonly projectors: Projectors;
  readonly #stopping = new AbortController();
  readonly #topic: TopicSettings;
  #transport: Transport | undefined;
  #projectors: Projectors | undefined;
  #relay: Relay | undefined;
  #ingestion: RawIngestion | undefined;
  #trouble: string | undefined;
  #told = '';

  constructor(private readonly parts: KafkaParts) {
    const { partitions, replicas } = parts.settings;
    this.#topic = { partitions, replicas };
    const observed = observeProjectors({ pool: parts.log.pool, projections });
    this.projectors = { ...observed, status: () => (this.#projectors ?? observed).status() };
    void this.#begin();
  }

  status(): KafkaStatus {
    if (this.#transport) return { state: 'connected' };
    return { state: 'connecting', ...(this.#trouble !== undefined && { trouble: this.#trouble }) };
  }

  /** Absent: another process has the role. */
  relay(): RelayStatus | undefined {
    if (!this.parts.roles.has('relay')) return undefined;
    if (!this.#relay) return { state: 'connecting' };
    const { mode, error } = this.#relay.state();
    return { state: mode, ...(error !== undefined && { trouble: (error as Error).message }) };
  }

  /** Absent: another process has the role. */
  ingest(): IngestStatus | undefined {
    if (!this.parts.roles.has('ingest')) return undefined;
    if (!this.#ingestion) return { state: 'connecting', partitions: [], counts: NOTHING_TAKEN };
    const { state, partitions, error, ...counts } = this.#ingestion.status();
    return {
      state,
      partitions: partitions.map(({ next, ...rest }) => ({ ...rest, next: String(next) })),
      counts,
      ...(error && { trouble: error.message }),
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    // What connects at this moment ends itself.
    await Promise.all([this.#projectors?.stop(), this.#relay?.stop(), this.#ingestion?.stop()]);
    await this.#transport?.close();
  }

  async #begin(): Promise<void> {
    const { settings, logger } = this.parts;
    const { brokers, tls, sasl } = settings;
    const { signal } = this.#stopping;
    const log = (message: string): void => logger.debug(message);
    while (!signal.aborted) {
      try {
        const transport = await connectKafka({ brokers, clientId: 'kerbtrail', tls, sasl, log });
        if (signal.aborted) await transport.close();
        else this.#start(transport);
        return;
      } catch (error) {
        this.#trouble = (error as Error).message;
        this.#tell(`${this.#waiting()} until Kafka at ${brokers.join(', ')} answers: ${this.#trouble}`);
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #start(transport: Transport): void {
    const { roles, log, logger } = this.parts;
    const { store, database, origin, nameKey, clock } = log;
    const pool = database.projectorPool;
    const settings = this.#topic;
    const told = (message: string): void => logger.warn(message);
    this.#transport = transport;
    logger.info(`connected to Kafka at ${this.parts.settings.brokers.join(', ')}`);
    if (roles.has('projector')) {
      this.#projectors = startKafkaProjectors({ store, pool, transport, projections, log: told });
    }
    if (roles.has('relay')) {
      const onChange = ({ mode, error }: ReturnType<Relay['state']>): void =>
        this.#tell(error === undefined ? '' : `relay ${mode}: ${(error as Error).message}`);
      this.#relay = startRelay({ store, pool, transport, source: origin, settings, onChange });
    }
    if (roles.has('ingest')) {
      this.#ingestion = startRawIngestion({ store, pool: log.pool, transport, nameKey, clock, settings, log: told });
    }
  }

  #waiting(): string {
    const waiting = OVER_KAFKA.filter((role) => this.parts.roles.has(role));
    return waiting.length === 1 ? `role ${waiting.join()} waits` : `roles ${waiting.join(', ')} wait`;
  }

  /** The same trouble once. */
  #tell(message: string): void {
    if (message !== '' && message !== this.#told) this.parts.logger.warn(message);
    this.#told = message;
  }
}
