/**
 * Real Kafka brokers (KRaft, loopback, a folder of their own): one, or three that replicate. A broker can be killed and
 * started again under the same id, port and data; `stop` ends them all and removes the folder.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findKafkaProgram, type KafkaProgram } from './kafka-program.js';

export type KafkaBrokers = {
  /** host:port of each, killed ones included. */
  readonly addresses: readonly string[];
  /** Of the program that runs it, Java's or Docker's; undefined while it is killed. */
  pid(broker: number): number | undefined;
  /** SIGKILL, and waits for the end. */
  kill(broker: number): Promise<void>;
  start(broker: number): Promise<void>;
  stop(): Promise<void>;
};

type Broker = {
  readonly id: number;
  /** Of its container, where it has one. */
  readonly name: string;
  readonly folder: string;
  readonly detached: boolean;
  readonly port: number;
  readonly settings: string;
  process?: ChildProcess;
  output: string;
};

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const OUTPUT_MAX = 64 * 1024;

/**
 * Resolves when every broker takes connections. `detached`: a terminal's Ctrl-C is not for them, but for who calls `stop`. Throws
 * KafkaUnavailable when this machine cannot run one.
 */
export async function startKafkaBrokers(count: 1 | 3 = 1, { detached = false } = {}): Promise<KafkaBrokers> {
  const program = findKafkaProgram();
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-kafka-'));
  const ports = await freePorts(count * 2);
  const brokers: Broker[] = [];
  const clusterId = randomBytes(16).toString('base64url');
  const voters = Array.from({ length: count }, (_, n) => `${n + 1}@127.0.0.1:${ports[count + n]}`).join(',');
  for (let n = 0; n < count; n++) {
    const settings = join(folder, `broker-${n + 1}.properties`);
    const data = join(folder, `data-${n + 1}`);
    await mkdir(data);
    await writeFile(settings, properties(n + 1, ports[n]!, ports[count + n]!, voters, count, data));
    program.run(folder, ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings]);
    const name = `${basename(folder)}-${n + 1}`;
    brokers.push({ id: n + 1, name, folder, detached, port: ports[n]!, settings, output: '' });
  }
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => end(program, broker)));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(brokers.map((broker) => startBroker(program, broker)));
  } catch (error) {
    await stop();
    throw error;
  }
  const of = (id: number): Broker => brokers.find((broker) => broker.id === id)!;
  return {
    addresses: brokers.map(({ port }) => `127.0.0.1:${port}`),
    pid: (id) => (isRunning(of(id).process) ? of(id).process!.pid : undefined),
    kill: (id) => end(program, of(id)),
    start: (id) => startBroker(program, of(id)),
    stop,
  };
}

function properties(id: number, port: number, controller: number, voters: string, count: number, data: string): string {
  const replicas = count === 1 ? 1 : 3;
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': replicas === 1 ? 1 : 2,
    'default.replication.factor': replicas,
    'min.insync.replicas': replicas === 1 ? 1 : 2,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

async function startBroker(program: KafkaProgram, broker: Broker): Promise<void> {
  const { folder, name, settings, detached } = broker;
  const child = program.begin(folder, name, ['kafka.Kafka', settings], detached);
  broker.process = child;
  for (const stream of [child.stdout!, child.stderr!]) {
    stream
      .setEncoding('utf8')
      .on('data', (text: string) => (broker.output = (broker.output + text).slice(-OUTPUT_MAX)));
  }
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await takesConnections(broker.port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`Kafka broker ${broker.id} did not start:\n${broker.output}`);
    }
    await delay(POLL_MS);
  }
}

async function end(program: KafkaProgram, { process: child, name }: Broker): Promise<void> {
  if (isRunning(child)) await program.kill(child, name);
}

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = new Socket();
  try {
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
