/**
 * Kerbtrail's roles as processes of their own over a real Kafka and a real PostgreSQL, on this machine and without Docker: what
 * docker-compose.yml says, for people (`npm run cluster`) and for tests. `stop` ends all that was begun here.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '#postgres';
import { type KafkaBrokers, startKafkaBrokers } from './kafka-brokers.js';
import { RoleProcess } from './role-process.js';

export type ClusterOptions = {
  /** Absent: an embedded PostgreSQL, which goes with the cluster. */
  readonly databaseUrl?: string | undefined;
  /** host:port of each. Absent: one broker, which goes with the cluster. */
  readonly brokers?: readonly string[] | undefined;
  /** Names, each of a role: `projector-2` is a second projector. Default: one of each, and two projectors. */
  readonly processes?: readonly string[];
  /** For every process, beside what the cluster says itself. */
  readonly env?: NodeJS.ProcessEnv;
  /** A terminal's Ctrl-C is not for the processes, but for who calls `stop`. */
  readonly detached?: boolean;
  /** Ends the start. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
};

export type Cluster = {
  readonly api: { readonly url: string; readonly token: string };
  readonly folder: string;
  /** Holds a password. */
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  /** Process ids of PostgreSQL and of the broker, where they are ours. */
  readonly pids: { readonly postgres?: number; readonly broker?: number };
  readonly processes: readonly RoleProcess[];
  process(name: string): RoleProcess;
  stop(): Promise<void>;
};

const PROCESSES = ['api', 'projector-1', 'projector-2', 'relay', 'ingest'];
const KEK_BYTES = 32;

type Begun = {
  readonly folder: string;
  readonly processes: RoleProcess[];
  kafka?: KafkaBrokers;
  postgres?: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
};

/** Throws KafkaUnavailable, and what a process said that did not start; whatever was begun is then stopped. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-cluster-'));
  await chmod(folder, 0o755); // the embedded PostgreSQL does not run as root: its account must reach it
  const begun: Begun = { folder, processes: [] };
  try {
    return await startAll(begun, options);
  } catch (error) {
    await stopAll(begun).catch(() => undefined); // the first error is the cause
    throw error;
  }
}

async function startAll(begun: Begun, options: ClusterOptions): Promise<Cluster> {
  const { folder } = begun;
  const { signal, detached = false, onProgress = () => {}, processes: names = PROCESSES } = options;
  const databaseUrl = options.databaseUrl ?? (await startPostgres(begun, onProgress));
  signal?.throwIfAborted();
  const brokers = options.brokers ?? (await startKafka(begun, detached, onProgress));
  signal?.throwIfAborted();
  const env = {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers.join(','),
    ...(begun.postgres && { KERBTRAIL_KEK: randomBytes(KEK_BYTES).toString('base64') }),
    KERBTRAIL_SEGMENTS: join(folder, 'segments'),
    ...options.env,
  };
  begun.processes.push(...names.map((name) => new RoleProcess(name, join(folder, name), env, detached)));
  const api = begun.processes.find(({ role }) => role === 'api')!;
  const rest = begun.processes.filter((process) => process !== api);
  // The first start of a log makes its tables and keys; the others would only wait for it.
  for (const together of [[api], rest]) {
    signal?.throwIfAborted();
    await Promise.all(together.map((process) => process.start()));
    for (const { name, url } of together) onProgress(`${name} is ready at ${url}`);
  }
  const local = JSON.parse(await readFile(join(api.folder, 'local.json'), 'utf8')) as { token: string };
  return {
    folder,
    databaseUrl,
    brokers,
    processes: begun.processes,
    api: { url: api.url, token: local.token },
    pids: await pidsOf(begun),
    process: (name) => begun.processes.find((process) => process.name === name)!,
    stop: () => stopAll(begun),
  };
}

async function startPostgres(begun: Begun, tell: (message: string) => void): Promise<string> {
  tell('starting PostgreSQL …');
  begun.postgres = await startEmbeddedPostgres({ folder: join(begun.folder, 'postgres') });
  return begun.postgres.url;
}

async function startKafka(
  begun: Begun,
  detached: boolean,
  tell: (message: string) => void,
): Promise<readonly string[]> {
  tell('starting a Kafka broker (the first time its program is fetched) …');
  begun.kafka = await startKafkaBrokers(1, { detached });
  return begun.kafka.addresses;
}

/** Everything, whatever fails; then throws the first failure. */
async function stopAll({ folder, processes, kafka, postgres }: Begun): Promise<void> {
  const steps = [
    () => Promise.all(processes.map((process) => process.stop())),
    () => kafka?.stop(),
    () => postgres?.stop(),
    () => rm(folder, { recursive: true, force: true }),
  ];
  const failures: unknown[] = [];
  for (const step of steps) await Promise.resolve(step()).catch((error: unknown) => void failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function pidsOf({ folder, kafka, postgres }: Begun): Promise<Cluster['pids']> {
  const broker = kafka?.pid(1);
  const file = postgres && (await readFile(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8'));
  return {
    ...(broker !== undefined && { broker }),
    ...(file !== undefined && { postgres: Number.parseInt(file, 10) }),
  };
}
