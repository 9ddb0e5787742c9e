/**
 * A process that appends through the event store: `node appender.js URL JOURNAL SEED NAME LANES`. Each lane asks one request
 * at a time, and asks it again under the same id until it is answered. SIGTERM: every lane ends with an answer.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createEventStore, LogBusy, LogUnavailable } from '#event-store';
import { createPool } from '#postgres';
import { Journal, readJournal, toldIn, type Told } from './journal.js';
import { type LaneRequest, laneRequest } from './request.js';

const [url, path, seedText, name, lanes] = process.argv.slice(2) as [string, string, string, string, string];
const seed = Number(seedText);
const PAUSE_MS_MAX = 100;
const RETRY_MS = 50;
/** Every so many requests, one that was answered is asked again: the same answer, or, under another digest, a refusal. */
const ASK_AGAIN_EVERY = 10;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

const earlier = toldIn(readJournal(path));
const journal = new Journal(path);
const pool = createPool(url, { max: 4, applicationName: `torture ${name}` });
const store = createEventStore({ pool, catalogues: [] });

class Lane {
  readonly #told: Told[];
  #version: number;

  constructor(private readonly name: string) {
    this.#told = earlier.filter(({ lane, n }) => lane === name && n >= 0);
    this.#version = this.#told.reduce((sum, { own = 0 }) => sum + own, 0);
  }

  async run(): Promise<void> {
    for (let n = (this.#told.at(-1)?.n ?? -1) + 1; !stop.signal.aborted; n++) {
      const request = laneRequest(seed, this.name, n);
      const told = await this.#answerTo(request, n);
      await journal.write(told);
      this.#told.push(told);
      this.#version += told.own ?? 0;
      if (n % ASK_AGAIN_EVERY === 0) await this.#askAgain();
      await delay(Math.random() * PAUSE_MS_MAX);
    }
  }

  async #answerTo(request: LaneRequest, n: number): Promise<Told> {
    const { id, guarded, own } = request;
    const result = await untilAnswered(async () => {
      const version = guarded === undefined ? 0 : (await store.versions([guarded])).get(guarded)!;
      return (await store.append([request.item(this.#version, version)]))[0]!;
    });
    const { status } = result;
    if (status === 'id_reuse') throw new Error(`${id} was asked once and is said to be another's`);
    if (status === 'conflict') {
      if (request.kind !== 'wrong' && request.kind !== 'guarded') await fault(`${id} (${request.kind}): a conflict`);
      return { lane: this.name, n, id, status };
    }
    if (request.kind === 'wrong') await fault(`${id} was committed at a version that its stream did not have`);
    return { lane: this.name, n, id, status, position: result.position, reply: result.reply, own };
  }

  async #askAgain(): Promise<void> {
    const told = this.#told[Math.floor(Math.random() * this.#told.length)]!;
    if (told.status === 'conflict') return;
    const request = laneRequest(seed, this.name, told.n);
    const [again] = await untilAnswered(() => store.append([request.item(this.#version, 0)]));
    const same =
      again!.status === 'duplicate' &&
      again!.position === told.position &&
      JSON.stringify(again!.reply) === JSON.stringify(told.reply);
    if (!same) await fault(`${told.id} was told ${JSON.stringify(told)}, then ${JSON.stringify(again)}`);
    const other = { ...request.item(this.#version, 0), digest: Buffer.alloc(32, 7) };
    const [reuse] = await untilAnswered(() => store.append([other]));
    if (reuse!.status !== 'id_reuse') await fault(`${told.id} with another digest: ${reuse!.status}`);
  }
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof LogBusy)) throw error;
      await journal.write({ note: error instanceof LogBusy ? 'busy' : 'unknown' });
      await delay(RETRY_MS);
    }
  }
}

async function fault(detail: string): Promise<void> {
  await journal.write({ note: 'fault', detail });
}

process.stdout.write('writing\n');
await Promise.all(Array.from({ length: Number(lanes) }, (_, n) => new Lane(`${name}/${n}`).run()));
await journal.close();
await pool.end();
process.stdout.write('settled\n');
