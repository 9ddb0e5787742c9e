/**
 * Handlers of the commands on dead letters: the event first, then the letter, both while the letter is locked. So nobody
 * takes an event that is just being skipped. After a crash between the two the letter is as it was, and the same command
 * asked again finishes it.
 */
import { Injectable } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Pool, type PoolClient } from 'pg';
import { OperationLog, operationsOf } from '../operation-log.js';
import { RetryDeadLetter, SkipEvent } from './dead-letter.commands.js';
import { eventLetter, foldSkips, retryDeadLetter, skipEvent } from './dead-letter.decider.js';
import { lockDeadLetter, markDeadLetter, unknownLetter, type DeadLetter } from './dead-letters.js';
import { letterStream, skipsStream } from './skips.js';

type Locked = { readonly client: PoolClient; readonly letter: DeadLetter | null };

@Injectable()
export class LetterLock {
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly pool: Pool) {}

  /** One at a time: each holds a connection while the log appends by another, and many would wait for each other. */
  hold<Reply>(id: string, work: (locked: Locked) => Promise<Reply>): Promise<Reply> {
    const done = this.#turn.then(() => this.#work(id, work));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #work<Reply>(id: string, work: (locked: Locked) => Promise<Reply>): Promise<Reply> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const reply = await work({ client, letter: await lockDeadLetter(client, id) });
      await client.query('COMMIT');
      return reply;
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => (broken = cause));
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

@CommandHandler(RetryDeadLetter)
export class RetryDeadLetterHandler implements ICommandHandler<RetryDeadLetter> {
  constructor(
    private readonly log: OperationLog,
    private readonly locks: LetterLock,
  ) {}

  execute(command: RetryDeadLetter) {
    return this.locks.hold(command.letter, async ({ client, letter }) => {
      const { replied } = await this.log.record(command, async () => {
        if (!letter) throw unknownLetter(command.letter);
        const { id } = letter;
        const write = { stream: letterStream(id), events: retryDeadLetter(letter), expected: 'any' } as const;
        return { writes: [write], reply: { letter: id } };
      });
      await markDeadLetter(client, command.letter, 'retry');
      return replied;
    });
  }
}

@CommandHandler(SkipEvent)
export class SkipEventHandler implements ICommandHandler<SkipEvent> {
  constructor(
    private readonly log: OperationLog,
    private readonly locks: LetterLock,
  ) {}

  execute(command: SkipEvent) {
    return this.locks.hold(command.letter, async ({ client, letter }) => {
      const { replied } = await this.log.record(command, async (load) => {
        if (!letter) throw unknownLetter(command.letter);
        const stuck = eventLetter(letter);
        const stream = skipsStream(stuck.projection);
        const events = skipEvent(stuck, foldSkips(await operationsOf(load, stream)), command.reason);
        return { writes: [{ stream, events }], reply: { letter: stuck.id } };
      });
      await markDeadLetter(client, command.letter, 'skipped');
      return replied;
    });
  }
}
