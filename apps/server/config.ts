/**
 * Configuration of the server: environment variables only, validated once at start by one schema. Every variable has one
 * good default; with none set the server runs embedded, on 127.0.0.1, in ./.kerbtrail.
 */
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';

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
  KERBTRAIL_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export type ServerConfig = {
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
  const folder = resolve(cwd, values.KERBTRAIL_FOLDER);
  return {
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
