/**
 * Configuration of the server: environment variables only, validated once at start by one schema. Every variable has one
 * good default; with none set the server runs embedded, on 127.0.0.1, in ./.kerbtrail. What each role needs:
 * docs/operations/distributed.md.
 */
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';

/** `api` answers people and programs, seals and signs; `projector` keeps read models; `relay` publishes the log; `ingest` takes raw records. */
const ROLES = ['api', 'projector', 'relay', 'ingest'] as const;
export type ServerRole = (typeof ROLES)[number];
const NEED_KAFKA: readonly ServerRole[] = ['relay', 'ingest'];

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const PARTITIONS_DEFAULT = 6;
const PARTITIONS_MAX = 1_000;

const listed = (value: string): string[] => value.split(',').map((one) => one.trim());
const file = z.string().min(1).optional();

const schema = z.object({
  KERBTRAIL_FOLDER: z.string().min(1).default('.kerbtrail'),
  KERBTRAIL_HOST: z.string().min(1).default('127.0.0.1'),
  KERBTRAIL_PORT: z.coerce.number().int().min(0).max(65535).default(8088),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
    .optional(),
  KERBTRAIL_MIGRATION_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
    .optional(),
  KERBTRAIL_KEK: z.string().optional(),
  KERBTRAIL_WITNESS: z.string().min(1).optional(),
  KERBTRAIL_SEGMENTS: z.string().min(1).optional(),
  KERBTRAIL_LOG_ORIGIN: z
    .string()
    .regex(/^[^\s+\p{C}]{1,200}$/u, 'must be 1 to 200 characters without spaces and plus signs')
    .optional(),
  KERBTRAIL_ROLES: z
    .string()
    .transform(listed)
    .pipe(z.array(z.enum(ROLES, { error: ({ input }) => `"${String(input)}" is no role: ${ROLES.join(', ')}` })))
    .optional(),
  KAFKA_BROKERS: z
    .string()
    .transform(listed)
    .pipe(z.array(z.string().regex(/^[^\s,/]+:\d{1,5}$/, 'must be host:port, several with commas between')))
    .optional(),
  KAFKA_TLS: z.enum(['true', 'false']).optional(),
  KAFKA_TLS_CA: file,
  KAFKA_TLS_CERT: file,
  KAFKA_TLS_KEY: file,
  KAFKA_SASL_MECHANISM: z.string().toLowerCase().pipe(z.enum(SASL_MECHANISMS)).optional(),
  KAFKA_SASL_USERNAME: z.string().min(1).optional(),
  KAFKA_SASL_PASSWORD: z.string().min(1).optional(),
  KERBTRAIL_KAFKA_PARTITIONS: z.coerce.number().int().min(1).max(PARTITIONS_MAX).default(PARTITIONS_DEFAULT),
  KERBTRAIL_KAFKA_REPLICAS: z.coerce.number().int().min(1).optional(),
  KERBTRAIL_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

type Values = z.infer<typeof schema>;

export type KafkaSettings = {
  readonly brokers: readonly string[];
  /** Absolute paths of PEM files; `true`: the system's authorities; absent: no TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | true | undefined;
  readonly sasl?:
    | {
        readonly mechanism: (typeof SASL_MECHANISMS)[number];
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  /** Of a topic that is made; one that is there keeps its own. */
  readonly partitions: number;
  /** Absent: as many as the cluster allows, at most three. */
  readonly replicas?: number | undefined;
};

export type ServerConfig = {
  readonly roles: ReadonlySet<ServerRole>;
  /** Absent: projectors read the log itself. */
  readonly kafka?: KafkaSettings | undefined;
  /** Absolute path of the data folder: embedded database, keys, local.json. */
  readonly folder: string;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Absent: the embedded PostgreSQL. */
  readonly databaseUrl?: string | undefined;
  /** The role that owns the schema; default: `databaseUrl`. */
  readonly migrationUrl?: string | undefined;
  /** Base64 of the 32-byte key-encryption key; absent: the file `kek` in the folder (embedded database only). */
  readonly keyEncryptionKey?: string | undefined;
  /** Where the last signed checkpoint is remembered outside the log's database: a file's absolute path or a postgresql:// URL. */
  readonly witness: string;
  /** The log's name on its checkpoints, chosen with its first start; absent: one is made then. */
  readonly logOrigin?: string | undefined;
  /** Absolute path of the folder of sealed segments (docs/archive.md); one for all servers of a log. */
  readonly segmentsFolder: string;
  readonly logLevel: string;
};

export class InvalidConfiguration extends Error {
  readonly code = 'CONFIG_INVALID';
}

/** Throws InvalidConfiguration that names each faulty variable and what it must be, never its value. */
export function readConfig(env: NodeJS.ProcessEnv, cwd: string): ServerConfig {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new InvalidConfiguration(`The configuration cannot be used:\n  ${faults.join('\n  ')}`);
  }
  const values = parsed.data;
  if (values.KERBTRAIL_MIGRATION_URL && !values.DATABASE_URL) {
    throw new InvalidConfiguration(
      'KERBTRAIL_MIGRATION_URL is set but DATABASE_URL is not: set both, or neither for the embedded PostgreSQL.',
    );
  }
  const kafka = kafkaSettings(values, cwd);
  const folder = resolve(cwd, values.KERBTRAIL_FOLDER);
  return {
    roles: rolesOf(values, kafka),
    kafka,
    folder,
    host: values.KERBTRAIL_HOST,
    port: values.KERBTRAIL_PORT,
    databaseUrl: values.DATABASE_URL,
    migrationUrl: values.KERBTRAIL_MIGRATION_URL ?? values.DATABASE_URL,
    keyEncryptionKey: values.KERBTRAIL_KEK,
    witness: witnessPlace(values.KERBTRAIL_WITNESS, folder, cwd),
    logOrigin: values.KERBTRAIL_LOG_ORIGIN,
    segmentsFolder: resolve(cwd, values.KERBTRAIL_SEGMENTS ?? join(folder, 'segments')),
    logLevel: values.KERBTRAIL_LOG_LEVEL,
  };
}

/** Not inside the database that it watches over: it would be restored and lost with it. */
function witnessPlace(given: string | undefined, folder: string, cwd: string): string {
  if (given !== undefined && /^postgres(ql)?:\/\//.test(given)) return given;
  const file = given === undefined ? join(folder, 'witness', 'checkpoint') : resolve(cwd, given);
  if (!file.startsWith(join(folder, 'postgres') + sep)) return file;
  throw new InvalidConfiguration(
    'KERBTRAIL_WITNESS is a file in the folder of the embedded database: name one outside it, best on another host.',
  );
}

function rolesOf({ KERBTRAIL_ROLES, DATABASE_URL }: Values, kafka: KafkaSettings | undefined): Set<ServerRole> {
  const roles = new Set<ServerRole>(KERBTRAIL_ROLES ?? (kafka ? ROLES : ['api', 'projector']));
  const unfed = NEED_KAFKA.filter((role) => roles.has(role));
  if (!kafka && unfed.length > 0) {
    throw new InvalidConfiguration(
      `KERBTRAIL_ROLES has ${unfed.join(' and ')}, which work over Kafka: set KAFKA_BROKERS to host:port of a broker, or leave them out.`,
    );
  }
  const needed: readonly ServerRole[] = ['api', 'projector', ...(kafka ? (['relay'] as const) : [])];
  const elsewhere = needed.filter((role) => !roles.has(role));
  if (DATABASE_URL === undefined && elsewhere.length > 0) {
    throw new InvalidConfiguration(
      `KERBTRAIL_ROLES leaves ${elsewhere.join(' and ')} to other processes, which do not reach an embedded PostgreSQL: set DATABASE_URL, the same for all of them.`,
    );
  }
  return roles;
}

function kafkaSettings(values: Values, cwd: string): KafkaSettings | undefined {
  const { KAFKA_BROKERS: brokers, KERBTRAIL_KAFKA_PARTITIONS: partitions, KERBTRAIL_KAFKA_REPLICAS: replicas } = values;
  const [tls, sasl] = [tlsOf(values, cwd), saslOf(values)];
  if (brokers) return { brokers, tls, sasl, partitions, replicas };
  if (!tls && !sasl) return undefined;
  throw new InvalidConfiguration('KAFKA_TLS… or KAFKA_SASL… is set but KAFKA_BROKERS is not: set it to host:port.');
}

function tlsOf(values: Values, cwd: string): KafkaSettings['tls'] {
  const paths = { ca: values.KAFKA_TLS_CA, cert: values.KAFKA_TLS_CERT, key: values.KAFKA_TLS_KEY };
  const given = Object.entries(paths).flatMap(([name, path]) => (path ? [[name, resolve(cwd, path)] as const] : []));
  if ((paths.cert === undefined) !== (paths.key === undefined)) {
    throw new InvalidConfiguration('KAFKA_TLS_CERT and KAFKA_TLS_KEY belong together: set both, or neither.');
  }
  if (values.KAFKA_TLS === 'false' && given.length > 0) {
    throw new InvalidConfiguration('KAFKA_TLS is false and files for it are named: take either out.');
  }
  return given.length > 0 ? Object.fromEntries(given) : values.KAFKA_TLS === 'true' ? true : undefined;
}

function saslOf(values: Values): KafkaSettings['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  if (mechanism && username && password) return { mechanism, username, password };
  if (!mechanism && !username && !password) return undefined;
  throw new InvalidConfiguration(
    'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD belong together: set all three, or none.',
  );
}
