/**
 * CPU time that work costs, in this process and in the PostgreSQL backends that serve it. On a machine that others use too
 * it says more than the clock does. Backends are seen on Linux, when the server is on this machine.
 */
import { readFile } from 'node:fs/promises';
import type { Pool } from 'pg';

export type CpuTime = {
  readonly nodeMicros: number;
  /** Null where backends cannot be seen. */
  readonly postgresMicros: number | null;
};

/** Starts a measurement; call what it returns to end it. Backends that end in between are not counted. */
export async function measureCpu(pool: Pool): Promise<() => Promise<CpuTime>> {
  const backends = await backendMicros(pool);
  const node = process.cpuUsage();
  return async () => {
    const { user, system } = process.cpuUsage(node);
    let postgresMicros: number | null = null;
    for (const [pid, micros] of await backendMicros(pool)) {
      postgresMicros = (postgresMicros ?? 0) + micros - (backends.get(pid) ?? 0);
    }
    return { nodeMicros: user + system, postgresMicros };
  };
}

async function backendMicros(pool: Pool): Promise<Map<number, number>> {
  const { rows } = await pool.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`,
  );
  const micros = new Map<number, number>();
  for (const { pid } of rows) {
    const nanos = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => null);
    if (nanos !== null) micros.set(pid, Number(nanos.split(' ')[0]) / 1000);
  }
  return micros;
}
