/**
 * Speaks /v1 with the server. Commands carry an Idempotency-Key, so that a busy server can be asked again without doing
 * anything twice, and leave their log position here; queries send it as `after`, so that a command's own effect is always in what is
 * read next. Answers are taken at their documented word: both sides are one version of one program.
 */
import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { environmentError } from './cli.error.js';
import { readProblem, ServerProblem } from './problem.js';

export type Server = { readonly url: string; readonly token: string };
export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;
export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

type Upload = { readonly bytes: Readable; readonly contentType: string };
type Call = {
  readonly method: 'GET' | Method;
  readonly path: string;
  readonly parameters?: Parameters;
  readonly body?: unknown;
  readonly upload?: Upload;
  readonly requestId?: string;
};

/** How long a server that answers "not now" (503) is asked again: the read models after a large import need their time. */
const PATIENCE_MS = 120_000;
const RETRY_PAUSE_MS = 1_000;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const LINE_CHARS_MAX = 4 * 1024 * 1024;

export type ClientOptions = {
  /** Position that queries read after, before any command of this invocation gave one. */
  readonly after?: number | undefined;
  /** Told once for each query that has to wait. */
  readonly onWait?: (reason: string) => void;
};

export class Client {
  private position: number | undefined;
  private readonly leaving = new AbortController();

  constructor(
    readonly server: Server,
    private readonly options: ClientOptions = {},
  ) {
    this.position = options.after;
  }

  /** The same server and position, as another caller. */
  as(token: string): Client {
    return new Client({ ...this.server, token }, { ...this.options, after: this.position });
  }

  /** Breaks off what is under way: a server that is to stop would wait for its answer to be taken. */
  leave(): void {
    this.leaving.abort();
  }

  /** Queries from here on see everything up to this log position. */
  readAfter(position: number | undefined): void {
    if (position !== undefined) this.position = Math.max(position, this.position ?? 0);
  }

  async get<Answer>(path: string, parameters: Parameters = {}): Promise<Answer> {
    return this.json({ method: 'GET', path, parameters: { after: this.position, ...parameters } });
  }

  /** `requestId`: a UUID under which the same command is done once, however often it is asked. */
  async command<Answer>(
    method: Method,
    path: string,
    body?: unknown,
    requestId: string = randomUUID(),
  ): Promise<Answer> {
    const answer = await this.json<Answer & { position?: number }>({ method, path, body, requestId });
    this.readAfter(answer.position);
    return answer;
  }

  /** An answer as it is, of what does not change with the read models: nothing is waited for. */
  async bytes(path: string, parameters: Parameters = {}): Promise<Buffer> {
    return this.answer({ method: 'GET', path, parameters });
  }

  /** A streamed answer (NDJSON), line by line. */
  async *lines<Line>(
    method: 'GET' | Method,
    path: string,
    parameters: Parameters = {},
    upload?: Upload,
  ): AsyncGenerator<Line> {
    const after = method === 'GET' ? { after: this.position } : {};
    const response = await this.send({
      method,
      path,
      parameters: { ...after, ...parameters },
      ...(method === 'GET' ? {} : { requestId: randomUUID() }),
      ...(upload ? { upload } : {}),
    });
    if (!isSuccess(response))
      throw new ServerProblem(readProblem(response.statusCode ?? 0, (await bytes(response)).toString('utf8')));
    yield* readLines<Line>(response);
  }

  private async json<Answer>(call: Call): Promise<Answer> {
    const body = (await this.answer(call)).toString('utf8');
    return (body === '' ? {} : JSON.parse(body)) as Answer;
  }

  private async answer(call: Call): Promise<Buffer> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let told = false; ; told = true) {
      const response = await this.send(call);
      const body = await bytes(response);
      if (isSuccess(response)) return body;
      const problem = readProblem(response.statusCode ?? 0, body.toString('utf8'));
      const isLater = problem.status === 503 && response.headers['retry-after'] !== undefined;
      if (!isLater || Date.now() >= deadline) throw new ServerProblem(problem);
      if (!told) this.options.onWait?.(problem.detail);
      await delay(RETRY_PAUSE_MS);
    }
  }

  private send(call: Call): Promise<IncomingMessage> {
    const url = new URL(call.path, this.server.url);
    for (const [name, value] of Object.entries(call.parameters ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers: Record<string, string> = { authorization: `Bearer ${this.server.token}`, accept: '*/*' };
    if (call.requestId) headers['idempotency-key'] = call.requestId;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (call.upload) headers['content-type'] = call.upload.contentType;
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: call.method,
      headers,
      agent: false,
      signal: this.leaving.signal,
    });
    return new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', (cause) => reject(unreachable(this.server.url, cause)));
      if (!call.upload) return void request.end(body);
      call.upload.bytes.once('error', (cause) => {
        reject(environmentError('FILE_UNREADABLE', `the file cannot be read on: ${cause.message}`, { cause }));
        request.destroy();
      });
      call.upload.bytes.pipe(request);
    });
  }
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

async function bytes(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX)
      throw environmentError('ANSWER_TOO_LARGE', 'the answer is too large: ask with a smaller --limit');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* readLines<Line>(response: IncomingMessage): AsyncGenerator<Line> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) throw environmentError('ANSWER_TOO_LARGE', 'a line of the answer is too long');
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line;
  }
  if (rest !== '') yield JSON.parse(rest) as Line;
}

function unreachable(url: string, cause: Error): Error {
  return environmentError(
    'SERVER_UNREACHABLE',
    `${url} does not answer: ${cause.message || (cause as NodeJS.ErrnoException).code}`,
    {
      next: 'see whether the server runs (kerbtrail doctor), and KERBTRAIL_URL if you set it',
      cause,
    },
  );
}
