/**
 * The real server program as a process of its own, on a test database or on an embedded one, and a typed caller of its API.
 * The program is the built one (`npm run build`, which `npm test` does first): what is tested is what is shipped.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startProcess, type TestProcess } from './processes.js';

export type Json = { readonly [field: string]: unknown };

export type Answer<Body = Json> = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
};

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Sent = {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Idempotency-Key. */
  readonly key?: string;
};

/** One bearer's view of the API. */
export type Api = {
  readonly url: string;
  readonly token: string;
  call<Body = Json>(method: Method, path: string, sent?: Sent): Promise<Answer<Body>>;
  get<Body = Json>(path: string): Promise<Answer<Body>>;
  /** Throws with the whole problem unless the answer is a success. */
  done<Body = Json>(method: Method, path: string, body?: unknown): Promise<Body>;
  /** The same server with another token; an empty one sends none. */
  as(token: string): Api;
};

export type TestServer = {
  readonly url: string;
  readonly folder: string;
  /** With the operator token of local.json. */
  readonly api: Api;
  readonly process: TestProcess;
  /** Ends the process; gives its exit code or signal. The folder stays. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** Ends the process, when it still runs, and removes the folder. */
  dispose(): Promise<void>;
};

export const PROGRAM = resolve('dist/apps/server/main.js');

/** A test database and this key make a server without an embedded PostgreSQL. */
export function newKeyEncryptionKey(): string {
  return randomBytes(32).toString('base64');
}

export type ServerOptions = {
  /** Absent: the embedded PostgreSQL, in the folder. */
  readonly databaseUrl?: string;
  readonly keyEncryptionKey?: string;
  /** Absent: a new one. */
  readonly folder?: string;
  readonly env?: NodeJS.ProcessEnv;
};

export function serverEnv(
  folder: string,
  { databaseUrl, keyEncryptionKey, env = {} }: ServerOptions,
): NodeJS.ProcessEnv {
  return {
    KERBTRAIL_FOLDER: folder,
    KERBTRAIL_PORT: '0',
    KERBTRAIL_LOG_LEVEL: 'debug',
    DATABASE_URL: databaseUrl,
    KERBTRAIL_KEK: keyEncryptionKey ?? (databaseUrl ? newKeyEncryptionKey() : undefined),
    ...env,
  };
}

/** Resolves when the server says that it is ready; throws with its output when it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run npm run build first`);
  const folder = options.folder ?? (await newFolder());
  const process = await startProcess([PROGRAM], { env: serverEnv(folder, options), readyWhen: /^ready http\S+$/m });
  const url = (await process.waitFor(/^ready (http\S+)$/m))[1]!;
  const { token } = JSON.parse(await readFile(join(folder, 'local.json'), 'utf8')) as { token: string };
  return {
    url,
    folder,
    api: createApi(url, token),
    process,
    stop: (signal) => process.stop(signal),
    dispose: async () => {
      await process.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The embedded PostgreSQL does not run as root: its account must reach the folder. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-server-'));
  await chmod(folder, 0o755);
  return folder;
}

export function createApi(url: string, token: string): Api {
  const call = async <Body>(method: Method, path: string, sent: Sent = {}): Promise<Answer<Body>> => {
    const { body, raw, headers = {}, key } = sent;
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...headers,
      },
      body: body === undefined ? raw : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(response, text) as Body, text };
  };
  return {
    url,
    token,
    call,
    get: (path) => call('GET', path),
    done: async <Body>(method: Method, path: string, body?: unknown) => {
      const answer = await call<Body>(method, path, body === undefined ? {} : { body });
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.body;
    },
    as: (other) => createApi(url, other),
  };
}

function parse(response: Response, text: string): unknown {
  const type = response.headers.get('content-type') ?? '';
  if (/ndjson/.test(type))
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  return /json/.test(type) && text !== '' ? (JSON.parse(text) as unknown) : {};
}

export type TokenRequest = {
  readonly roles: readonly string[];
  readonly actor?: string;
  readonly scope?: Json;
  readonly expiresAt?: string;
};

/** Makes a token by the API, as an operator does. */
export async function makeToken(
  operator: Api,
  { roles, actor = `test-${roles.join('-')}-${randomUUID().slice(0, 8)}`, scope, expiresAt }: TokenRequest,
): Promise<Api & { readonly id: string }> {
  const made = await operator.done<{ token: string; text: string }>('POST', '/v1/tokens', {
    actor,
    roles,
    scope,
    expiresAt,
  });
  return { ...operator.as(made.text), id: made.token };
}

/** `path?name=value&…` without the parts that are undefined. */
export function query(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}
