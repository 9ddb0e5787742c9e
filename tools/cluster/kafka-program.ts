/**
 * How this machine runs a Kafka broker: Java with Apache's jars, fetched once by Maven and kept in node_modules/.cache; else
 * Apache's image, when a Docker engine answers. What is missing is said by name (KafkaUnavailable).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { userInfo } from 'node:os';

export const KAFKA_VERSION = '4.4.0';

export type KafkaProgram = {
  /** Runs a class of Kafka's to its end; gives what it said on standard output. Throws with what it said when it fails. */
  run(folder: string, args: readonly string[]): string;
  /** Begins a class of Kafka's that works in the folder; `detached`: a terminal's Ctrl-C is not for it. */
  begin(folder: string, name: string, args: readonly string[], detached: boolean): ChildProcess;
  /** SIGKILL, and waits for the end. */
  kill(child: ChildProcess, name: string): Promise<void>;
};

export class KafkaUnavailable extends Error {
  readonly code = 'KAFKA_PROGRAM_UNAVAILABLE';
  constructor(reasons: readonly string[]) {
    super(
      `no Kafka broker can be run here (${reasons.join('; ')}): install one of these, or set KAFKA_BROKERS to host:port`,
    );
  }
}

const JAVA_MIN = 17;
const FETCH_TIMEOUT_MS = 300_000;
const LOOK_TIMEOUT_MS = 20_000;
const HEAP = '-Xmx384m';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kerbtrail</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

/** Throws KafkaUnavailable with every reason. The first time, Maven fetches for some seconds to minutes. */
export function findKafkaProgram(): KafkaProgram {
  const jars = findJars();
  if (!('missing' in jars)) return javaProgram(jars.folder);
  const engine = look('docker', ['version', '--format', '{{.Server.Version}}']);
  if (engine.missing === undefined) return dockerProgram();
  throw new KafkaUnavailable([jars.missing, `Docker: ${engine.missing}`]);
}

function javaProgram(jars: string): KafkaProgram {
  const command = (args: readonly string[]) => [HEAP, '-cp', join(jars, '*'), ...args];
  return {
    run: (_folder, args) => runToEnd('java', command(args)),
    begin: (_folder, _name, args, detached) =>
      spawn('java', command(args), { stdio: ['ignore', 'pipe', 'pipe'], detached }),
    kill: async (child) => {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}

/** With the host's network, so that brokers and we find each other at the same addresses. */
function dockerProgram(): KafkaProgram {
  const { uid, gid } = userInfo();
  const command = (folder: string, args: readonly string[], options: readonly string[] = []) => [
    'run',
    '--rm',
    '--network=host',
    `--user=${uid}:${gid}`,
    `--volume=${folder}:${folder}`,
    '--entrypoint=java',
    ...options,
    `apache/kafka:${KAFKA_VERSION}`,
    HEAP,
    '-cp',
    '/opt/kafka/libs/*',
    ...args,
  ];
  return {
    run: (folder, args) => runToEnd('docker', command(folder, args)),
    begin: (folder, name, args, detached) =>
      spawn('docker', command(folder, args, ['--name', name]), { stdio: ['ignore', 'pipe', 'pipe'], detached }),
    kill: async (child, name) => {
      runToEnd('docker', ['kill', name]);
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function runToEnd(program: string, args: readonly string[], timeout = FETCH_TIMEOUT_MS, cwd?: string): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout, cwd });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr || stdout}`);
  return stdout;
}

/** Fetched beside and renamed when complete, so that two runs at once do not meet. */
function findJars(): { readonly folder: string } | { readonly missing: string } {
  const java = look('java', ['-version']);
  if (java.missing !== undefined) return { missing: `Java: ${java.missing}` };
  const version = Number(/version "(\d+)/.exec(java.said)?.[1] ?? JAVA_MIN);
  if (version < JAVA_MIN) return { missing: `Java: ${version} is too old, ${JAVA_MIN} is needed` };
  const cache = resolve('node_modules/.cache/kerbtrail');
  const folder = join(cache, `kafka-${KAFKA_VERSION}`);
  if (existsSync(folder)) return { folder };
  const maven = look('mvn', ['-version']);
  if (maven.missing !== undefined) return { missing: `Maven: ${maven.missing}` };
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${folder}.new-`);
  try {
    writeFileSync(join(fresh, 'pom.xml'), POM);
    const copy = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'];
    runToEnd('mvn', copy, FETCH_TIMEOUT_MS, fresh);
    renameSync(join(fresh, 'libs'), folder);
  } catch (error) {
    // Else another run was faster.
    if (!existsSync(folder)) return { missing: `Maven: ${(error as Error).message.split('\n')[0]}` };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return { folder };
}

/** What a program says of itself, or why it says nothing. */
function look(program: string, args: readonly string[]): { readonly said: string; readonly missing?: string } {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: LOOK_TIMEOUT_MS });
  const said = `${stdout ?? ''}${stderr ?? ''}`;
  if (error) return { said, missing: error.message };
  return status === 0 ? { said } : { said, missing: said.trim().split('\n').at(-1)! };
}
