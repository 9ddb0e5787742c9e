/**
 * The official Apache Kafka jars, fetched once by Maven from its own repositories and kept in node_modules/.cache: a broker
 * is then one JVM, without Docker. What is missing on this machine is said by name (KafkaUnavailable).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const KAFKA_VERSION = '4.4.0';
const FETCH_TIMEOUT_MS = 300_000;
const run = promisify(execFile);

export class KafkaUnavailable extends Error {
  readonly code = 'TEST_KAFKA_UNAVAILABLE';
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kerbtrail</groupId>
  <artifactId>test-broker</artifactId>
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

/** The folder of the jars. Fetched beside and renamed when complete, so that two runs at once do not meet. Throws KafkaUnavailable. */
export async function kafkaJars(): Promise<string> {
  const cache = resolve('node_modules/.cache/kerbtrail');
  const jars = join(cache, `kafka-${KAFKA_VERSION}`);
  if (existsSync(jars)) return jars;
  await demand('java', ['-version'], 'a Java runtime (17 or later)');
  await demand('mvn', ['-version'], 'Maven, to fetch the broker');
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${jars}.new-`);
  try {
    await writeFile(join(fresh, 'pom.xml'), POM);
    const copy = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'];
    await run('mvn', copy, { cwd: fresh, timeout: FETCH_TIMEOUT_MS }).catch((error: Error & { stdout?: string }) => {
      throw new KafkaUnavailable(`Maven could not fetch Kafka ${KAFKA_VERSION}: ${error.stdout || error.message}`);
    });
    await rename(join(fresh, 'libs'), jars).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(jars)) throw error; // else another run was faster
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return jars;
}

async function demand(program: string, args: readonly string[], what: string): Promise<void> {
  await run(program, args).catch(() => {
    throw new KafkaUnavailable(`${what} is missing: install it, or set KAFKA_BROKERS to a broker's host:port`);
  });
}
