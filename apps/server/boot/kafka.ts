/**
 * The roles of this process that work over Kafka. They begin when a broker answers; until then the process does everything
 * else, says once why these wait, and tries again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pino from 'pino';
import { connectKafka, type TopicSettings, type Transport } from '#kafka';
import { EVENTS_TOPIC, type Relay, startRelay } from '#relay';
import type { KafkaSettings, ServerRole } from '../config.js';
import type { OpenLog } from './log.js';

export type RelayStatus = {
  /** `connecting`: no broker answered yet. `waiting`: another relay is active, or what `trouble` says. `failed`: for good. */
  readonly state: 'connecting' | ReturnType<Relay['state']>['mode'];
  readonly trouble?: string;
};

type KafkaParts = {
  readonly settings: KafkaSettings;
  readonly roles: ReadonlySet<ServerRole>;
  readonly log: OpenLog;
  readonly logger: pino.Logger;
};

const RETRY_MS = 1_000;
const OVER_KAFKA: readonly ServerRole[] = ['projector', 'relay', 'ingest'];

export class KafkaRoles {
  readonly #stopping = new AbortController();
  readonly #topic: TopicSettings;
  #transport: Transport | undefined;
  #relay: Relay | undefined;
  #trouble: string | undefined;
  #told = '';

  constructor(private readonly parts: KafkaParts) {
    const { partitions, replicas } = parts.settings;
    this.#topic = { partitions, replicas };
    void this.#begin();
  }

  /** Absent: another process has the role. */
  relay(): RelayStatus | undefined {
    if (!this.parts.roles.has('relay')) return undefined;
    if (!this.#relay) return { state: 'connecting', ...(this.#trouble !== undefined && { trouble: this.#trouble }) };
    const { mode, error } = this.#relay.state();
    return { state: mode, ...(error !== undefined && { trouble: (error as Error).message }) };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    // What connects at this moment ends itself.
    await this.#relay?.stop();
    await this.#transport?.close();
  }

  async #begin(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        const transport = await this.#connect();
        if (this.#stopping.signal.aborted) await transport.close();
        else this.#start(transport);
        return;
      } catch (error) {
        this.#trouble = (error as Error).message;
        this.#tell(
          `${this.#waiting()} until Kafka at ${this.parts.settings.brokers.join(', ')} answers: ${this.#trouble}`,
        );
        await delay(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** With the topic there, so that whoever reads it need not wait for the first event. */
  async #connect(): Promise<Transport> {
    const { settings, logger } = this.parts;
    const { brokers, tls, sasl } = settings;
    const log = (message: string): void => logger.debug(message);
    const transport = await connectKafka({ brokers, clientId: 'kerbtrail', tls, sasl, log });
    try {
      await transport.ensureTopic(EVENTS_TOPIC, this.#topic);
      return transport;
    } catch (error) {
      await transport.close().catch(() => undefined); // the first error is the cause
      throw error;
    }
  }

  #start(transport: Transport): void {
    const { roles, log, settings, logger } = this.parts;
    this.#trouble = undefined;
    this.#transport = transport;
    logger.info(`connected to Kafka at ${settings.brokers.join(', ')}`);
    if (roles.has('relay')) {
      this.#relay = startRelay({
        store: log.store,
        pool: log.database.projectorPool,
        transport,
        source: log.origin,
        settings: this.#topic,
        onChange: ({ mode, error }) =>
          this.#tell(error === undefined ? '' : `relay ${mode}: ${(error as Error).message}`),
      });
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
