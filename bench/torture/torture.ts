/**
 * The torture: servers, PostgreSQL, connections and writers are killed at random under concurrent load, and then the full
 * history is judged. The same seed kills in the same order; what each kill meets is the machine's.
 */
import { type Kills, wreak } from './chaos.js';
import { type Noted, readJournal, toldIn } from './journal.js';
import { Site, WRITERS } from './site.js';
import { judge } from './verdict.js';

export type TortureReport = {
  readonly seed: number;
  readonly kills: Kills;
  readonly events: number;
  /** Append items and commands, by the answer that was heard in the end. */
  readonly acknowledged: number;
  readonly conflicts: number;
  /** Questions without an answer, asked again; refused for a full queue; failed for another reason than "unavailable". */
  readonly unknown: number;
  readonly busy: number;
  readonly failed: number;
  /** What must not be. Empty: nothing was lost, doubled or reordered. */
  readonly faults: readonly string[];
};

export type TortureOptions = {
  /** Empty, and enterable for the account of the embedded PostgreSQL. */
  readonly folder: string;
  readonly seconds: number;
  readonly seed: number;
  readonly say?: (message: string) => void;
};

const FOREST = 'torture.example';

/** Throws, with the seed in the message, when the run itself cannot go on. */
export async function torture({ folder, seconds, seed, say = () => {} }: TortureOptions): Promise<TortureReport> {
  const site = await Site.open(folder, seed, say);
  try {
    await site.api().done('POST', '/v1/forests', { name: FOREST });
    for (const writer of WRITERS) await site.startWriter(writer);
    const kills = await wreak(site, seed, performance.now() + seconds * 1_000, say);
    say('everything is up; writers settle');
    await site.settleWriters();
    return await report(site, kills);
  } catch (error) {
    throw new Error(`torture with seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await site.close();
  }
}

async function report(site: Site, kills: Kills): Promise<TortureReport> {
  const lines = WRITERS.flatMap((writer) => readJournal(site.journal(writer)));
  const told = toldIn(lines);
  const noted = lines.filter((line): line is Noted => 'note' in line);
  const count = (note: Noted['note']): number => noted.filter((line) => line.note === note).length;
  const conflicts = told.filter(({ status }) => status === 'conflict').length;
  const heard = noted.flatMap(({ note, detail }) => (note === 'fault' ? [`heard: ${detail}`] : []));
  const judged = await judge(site, told);
  const events = (await site.api().get<{ head: number }>('/v1/projections')).body.head;
  return {
    seed: site.seed,
    kills,
    events,
    acknowledged: told.length - conflicts,
    conflicts,
    unknown: count('unknown'),
    busy: count('busy'),
    failed: count('failed'),
    faults: [...heard, ...site.broken, ...judged],
  };
}
