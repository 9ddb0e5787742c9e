/** One measurement: callers that each do one thing after the other, or one run of known size; with the Node CPU time that it took. */

export type Measured = {
  readonly events: number;
  /** With those of the warm-up: what PostgreSQL's CPU time is to be divided by. */
  readonly handled: number;
  readonly seconds: number;
  /** Of this process, user and system. */
  readonly cpuSeconds: number;
  /** Of the PostgreSQL backends that served it, where they can be seen. */
  readonly postgresCpuSeconds?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Most that the process held in the first fifth, and afterwards. */
  readonly rssBytes?: number;
  readonly rssBytesEarly?: number;
};

/** A fresh caller: each call of what it returns appends the caller's next event. */
export type NewCaller = () => () => Promise<void>;

const WARM_UP_SHARE = 0.25;

/** So many callers for so long, after a warm-up of a quarter of it. */
export async function measureCallers(newCaller: NewCaller, callers: number, forMs: number): Promise<Measured> {
  const work = Array.from({ length: callers }, newCaller);
  const warmUp: number[] = [];
  await callUntil(work, performance.now() + forMs * WARM_UP_SHARE, warmUp);
  const latencies: number[] = [];
  const { seconds, cpuSeconds } = await timed(() => callUntil(work, performance.now() + forMs, latencies));
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)]!;
  const events = latencies.length;
  return {
    events,
    handled: events + warmUp.length,
    seconds,
    cpuSeconds,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

/** One run that says how many events it handled. */
export async function measureRun(run: () => Promise<number>): Promise<Measured> {
  let events = 0;
  const times = await timed(async () => {
    events = await run();
  });
  return { events, handled: events, ...times };
}

async function callUntil(work: readonly (() => Promise<void>)[], deadline: number, latencies: number[]): Promise<void> {
  await Promise.all(
    work.map(async (call) => {
      for (let now = performance.now(); now < deadline;) {
        await call();
        const after = performance.now();
        latencies.push(after - now);
        now = after;
      }
    }),
  );
}

async function timed(work: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }> {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1_000, cpuSeconds: (user + system) / 1e6 };
}
