/**
 * KafkaJS's admin client, one call at a time and none after a failure: it asks for the metadata of every topic that it was ever
 * asked about, so a topic that was deleted fails all later calls, and calls that overlap mix up each other's answers.
 */
import type { Admin, Kafka } from 'kafkajs';
import { BrokerUnavailable } from './transport.js';

export class AdminSession {
  #admin: Admin | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly kafka: Kafka) {}

  /** Throws BrokerUnavailable, whose message says that Kafka did not do the action. */
  run<T>(action: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    const done = this.#turn
      .then(() => this.#run(work))
      .catch((cause: unknown) => {
        throw new BrokerUnavailable(action, cause);
      });
    this.#turn = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#admin?.disconnect();
  }

  async #run<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#admin ?? this.kafka.admin();
    try {
      if (!this.#admin) await admin.connect();
      this.#admin = admin;
      return await work(admin);
    } catch (error) {
      this.#admin = undefined;
      await admin.disconnect().catch(() => {}); // the first error is the cause
      throw error;
    }
  }
}
