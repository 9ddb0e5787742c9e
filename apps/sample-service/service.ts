/**
 * A small service that lets nobody in before mutual authentication, over plain HTTP with JSON bodies:
 *
 *   POST /authenticate  { request, etype, kvno, ciphertext }   as the KDC's answer to the ticket request had them
 *     200 { presentation, proof }            the client brings `proof` (hex) back to the KDC, which so verifies the service
 *     401 { code, reason, presentation? }    the client was not verified
 *   any  /app…          header `Kerbtrail-Presentation: <presentation>`
 *     200 { presentation, clientName, operation }              both sides are verified
 *     401 { code, reason, presentation? }
 *
 *   400 { code, reason } is a bad request, 404 another path, 502 when Kerbtrail cannot be asked: then nobody gets in either.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ticketId } from '#kerberos';
import { acceptMessage, type Acceptor, type Message } from './acceptor.js';
import { ReportFailed, type Agent, type Answer } from './agent.js';

const BODY_BYTES_MAX = 64 * 1024;
const CONNECTIONS_MAX = 256;
const REQUEST_TIMEOUT_MS = 15_000;
const HEX = /^(?:[0-9a-f]{2})+$/i;

class BadRequest extends Error {}

type Reply = { readonly status: number; readonly body: Answer };

export function createService(acceptor: Acceptor, agent: Agent): Server {
  const server = createServer((request, response) => {
    void answer(request, acceptor, agent)
      .catch(failed)
      .then(({ status, body }) => send(response, status, body));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}

async function answer(request: IncomingMessage, acceptor: Acceptor, agent: Agent): Promise<Reply> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (request.method === 'POST' && path === '/authenticate') {
    return authenticate(await readMessage(request), acceptor, agent);
  }
  if (path === '/app' || path.startsWith('/app/')) {
    const presentation = request.headers['kerbtrail-presentation'];
    return application(typeof presentation === 'string' ? presentation : '', `${request.method} ${path}`, agent);
  }
  return { status: 404, body: { code: 'NOT_FOUND', reason: 'this service has POST /authenticate and /app' } };
}

/** S6 to S8. The proof leaves only after the KDC has recorded that the client is verified. */
async function authenticate(message: Message, acceptor: Acceptor, agent: Agent): Promise<Reply> {
  const presented = await agent.present(message.request, ticketId(message.ciphertext));
  if ('refusal' in presented) return { status: 401, body: presented.refusal };
  const presentation = String(presented.answer['presentation']);

  const accepted = acceptMessage(acceptor, message, Date.now());
  const { etype, kvno } = message;
  const { proof, ...report } = accepted.outcome === 'verified' ? accepted : { ...accepted, proof: undefined };
  const recorded = await agent.verifyClient(presentation, { ...report, etype, kvno });
  if ('refusal' in recorded) return { status: 401, body: { ...recorded.refusal, presentation } };
  if (recorded.answer['outcome'] !== 'verified' || proof === undefined) {
    const { code, reason } = recorded.answer;
    return { status: 401, body: { code, reason, presentation } };
  }
  return { status: 200, body: { presentation, proof: Buffer.from(proof).toString('hex') } };
}

async function application(presentation: string, operation: string, agent: Agent): Promise<Reply> {
  if (presentation === '') throw new BadRequest('send the header Kerbtrail-Presentation: authenticate first');
  const asked = await agent.requestApplication(presentation, operation);
  if ('refusal' in asked) return { status: 401, body: { ...asked.refusal, presentation } };
  return { status: 200, body: { presentation, clientName: asked.answer['clientName'], operation } };
}

async function readMessage(request: IncomingMessage): Promise<Message> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new BadRequest(`the body has more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const body = parseJson(Buffer.concat(chunks).toString('utf8'));
  const { request: id, etype, kvno, ciphertext } = body;
  const usable = typeof id === 'string' && Number.isInteger(etype) && Number.isInteger(kvno);
  if (!usable || typeof ciphertext !== 'string' || !HEX.test(ciphertext)) {
    throw new BadRequest('the body is not { request, etype, kvno, ciphertext: hex } as the KDC answered');
  }
  return { request: id, etype: etype as number, kvno: kvno as number, ciphertext: Buffer.from(ciphertext, 'hex') };
}

function parseJson(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Answer;
  } catch {
    // told below
  }
  throw new BadRequest('the body is not a JSON object');
}

function failed(error: unknown): Reply {
  if (error instanceof BadRequest) return { status: 400, body: { code: 'BAD_REQUEST', reason: error.message } };
  if (!(error instanceof ReportFailed)) throw error;
  console.error(error.message);
  return { status: 502, body: { code: error.code, reason: error.message } };
}

function send(response: ServerResponse, status: number, body: Answer): void {
  const challenge = status === 401 ? { 'www-authenticate': 'Kerbtrail' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...challenge }).end(`${JSON.stringify(body)}\n`);
}
