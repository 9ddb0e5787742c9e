/**
 * The client's side of the challenge form (architecture §2, S1–S9), in this process and with the client's own password: prove the key
 * to the KDC, present an SPN, hand what comes back to the service, bring the service's proof to the KDC, and then send one
 * application request. A step that fails ends the exchange; every step that was taken is told.
 */
import { makeProof, stringToKey } from '#kerberos';
import type { SpnParts } from '#spn';
import { randomBytes } from 'node:crypto';
import type { Client } from './client.js';
import { environmentError } from './cli.error.js';
import { ServerProblem } from './problem.js';

export type Logon = {
  readonly forest: string;
  readonly clientName: string;
  readonly handle: string;
  readonly expiresAt: string;
};

export type Service = { readonly spn: string } | { readonly compose: SpnParts };

export type ExchangeStep = {
  readonly step: string;
  readonly outcome: 'passed' | 'failed';
  /** What came out, or the reason why it failed. */
  readonly detail?: string;
  readonly code?: string;
};

export type Exchange = {
  readonly outcome: 'mutually-authenticated' | 'failed';
  readonly steps: readonly ExchangeStep[];
  readonly logon?: Logon;
  readonly request?: string;
  readonly presentation?: string;
};

export type ExchangePlan = {
  readonly forest: string;
  readonly clientName: string;
  /** An existing logon, which is used instead of the password. */
  readonly logon?: Logon | undefined;
  readonly password: () => Promise<string>;
  readonly service: Service;
  /** Where the service listens. */
  readonly serviceUrl: string;
};

type EtypeInfo = { readonly etype: number; readonly salt: string; readonly iterations: number };
type Ticket = {
  readonly request: string;
  readonly spn: string;
  readonly etype: number;
  readonly kvno: number;
  readonly ciphertext: string;
};
type Accepted = { readonly presentation: string; readonly proof: string };

/** The KDC's codes for a ticket request, by the step that they end. Others end S5. */
const TICKET_STEPS: Readonly<Record<string, string>> = {
  KRB_AP_ERR_TKT_EXPIRED: 'S2',
  KDC_ERR_CLIENT_REVOKED: 'S2',
  KDC_ERR_S_PRINCIPAL_UNKNOWN: 'S3',
  KDC_ERR_PRINCIPAL_NOT_UNIQUE: 'S4',
};
const PROTOCOL_CODE = /^(KDC|KRB)_/;
const CONFOUNDER_BYTES = 16;
const SERVICE_TIMEOUT_MS = 20_000;

/** A step that failed by protocol: the end of the exchange, not of the program. */
class StepFailed extends Error {
  constructor(
    readonly step: string,
    readonly code: string,
    reason: string,
    readonly known: Partial<Exchange> = {},
  ) {
    super(reason);
  }
}

/** Throws what is no refusal by protocol: a token without the role `client`, a service that does not answer. */
export async function authenticate(client: Client, plan: ExchangePlan): Promise<Exchange> {
  const steps: ExchangeStep[] = [];
  const pass = (step: string, detail?: string) =>
    void steps.push({ step, outcome: 'passed', ...(detail ? { detail } : {}) });
  let known: Partial<Exchange> = {};
  try {
    const logon = plan.logon ?? (await logOn(client, plan));
    known = { ...known, logon };
    pass('S1', `${plan.logon ? 'existing logon of ' : 'key proved by '}${logon.clientName}`);
    const ticket = await requestTicket(client, logon, plan.service, pass);
    known = { ...known, request: ticket.request };
    pass('S5', `${ticket.spn}, etype ${ticket.etype}, key version ${ticket.kvno}`);
    const { presentation, proof } = await present(plan.serviceUrl, ticket, pass);
    known = { ...known, presentation };
    pass('S7', 'the service knows the client');
    await returnProof(client, logon, presentation, proof, pass);
    await requestApplication(plan.serviceUrl, presentation, pass);
    return { outcome: 'mutually-authenticated', steps, ...known };
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    steps.push({ step: error.step, outcome: 'failed', code: error.code, detail: error.message });
    return { outcome: 'failed', steps, ...known, ...error.known };
  }
}

type Pass = (step: string, detail?: string) => void;

/** S1 with explicit credentials: the password makes the key, the key makes the proof, and only the proof travels. */
async function logOn(client: Client, { forest, clientName, password }: ExchangePlan): Promise<Logon> {
  const asked = { forest, clientName };
  const info = await etypeInfo(client, asked);
  const key = await stringToKey(info.etype, await password(), info.salt, info.iterations);
  const confounder = randomBytes(CONFOUNDER_BYTES);
  const proof = makeProof({ etype: info.etype, key, confounder, nowMicros: BigInt(Date.now()) * 1_000n });
  const body = { ...asked, proof: proof.toString('hex'), etype: info.etype };
  const { handle, expiresAt } = await protocol('S1', () => client.command<Logon>('POST', '/v1/logons', body));
  return { forest, clientName, handle, expiresAt };
}

/** The KDC's first answer says how to make the key from the password. */
async function etypeInfo(client: Client, asked: { forest: string; clientName: string }): Promise<EtypeInfo> {
  try {
    await client.command('POST', '/v1/logons', asked);
  } catch (error) {
    const problem = error instanceof ServerProblem ? error.problem : undefined;
    const [first] = (problem?.['etypeInfo'] as readonly EtypeInfo[] | undefined) ?? [];
    if (first) return first;
    if (problem && PROTOCOL_CODE.test(problem.code)) throw new StepFailed('S1', problem.code, problem.detail);
    throw error;
  }
  throw environmentError('ANSWER_UNEXPECTED', 'the KDC issued a logon without a proof of the key');
}

/** S2–S5. What the KDC found out before it refused is told as passed. */
async function requestTicket(client: Client, { handle }: Logon, service: Service, pass: Pass): Promise<Ticket> {
  try {
    const ticket = await client.command<Ticket>('POST', '/v1/tickets', { handle, ...service });
    for (const step of ['S2', 'S3', 'S4']) pass(step);
    return ticket;
  } catch (error) {
    const problem = error instanceof ServerProblem ? error.problem : undefined;
    if (!problem || !PROTOCOL_CODE.test(problem.code)) throw error;
    const failed = TICKET_STEPS[problem.code] ?? 'S5';
    for (const step of ['S2', 'S3', 'S4'].filter((step) => step < failed)) pass(step);
    throw new StepFailed(failed, problem.code, problem.detail, { request: String(problem['request']) });
  }
}

/** S6 and S7, by the service's own HTTP. */
async function present(
  serviceUrl: string,
  { request, etype, kvno, ciphertext }: Ticket,
  pass: Pass,
): Promise<Accepted> {
  const body = JSON.stringify({ request, etype, kvno, ciphertext });
  const headers = { 'content-type': 'application/json' };
  const { status, answer } = await askService(serviceUrl, '/authenticate', { method: 'POST', headers, body });
  const { presentation, code, reason } = answer;
  if (presentation !== undefined) pass('S6');
  if (status === 200) return answer as Accepted;
  const known = { request, ...(presentation === undefined ? {} : { presentation: String(presentation) }) };
  throw new StepFailed(presentation === undefined ? 'S6' : 'S7', String(code), String(reason), known);
}

/** S8 and S9. */
async function returnProof(
  client: Client,
  { handle }: Logon,
  presentation: string,
  proof: string,
  pass: Pass,
): Promise<void> {
  const path = `/v1/presentations/${encodeURIComponent(presentation)}/proof`;
  pass('S8');
  await protocol('S9', () => client.command('POST', path, { handle, proof }));
  pass('S9', 'the KDC compared the proof');
}

async function requestApplication(serviceUrl: string, presentation: string, pass: Pass): Promise<void> {
  const headers = { 'kerbtrail-presentation': presentation };
  const { status, answer } = await askService(serviceUrl, '/app', { headers });
  if (status !== 200) throw new StepFailed('application', String(answer['code']), String(answer['reason']));
  pass('application', `${String(answer['operation'])} as ${String(answer['clientName'])}`);
}

async function protocol<Answer>(step: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    const problem = error instanceof ServerProblem ? error.problem : undefined;
    if (!problem || !PROTOCOL_CODE.test(problem.code)) throw error;
    throw new StepFailed(step, problem.code, problem.detail);
  }
}

type ServiceAnswer = { readonly status: number; readonly answer: Readonly<Record<string, unknown>> };

async function askService(serviceUrl: string, path: string, request: RequestInit): Promise<ServiceAnswer> {
  let status: number;
  let answer: ServiceAnswer['answer'];
  try {
    const response = await fetch(new URL(path, serviceUrl), {
      ...request,
      signal: AbortSignal.timeout(SERVICE_TIMEOUT_MS),
    });
    status = response.status;
    answer = (await response.json()) as ServiceAnswer['answer'];
  } catch (cause) {
    const { message } = ((cause as Error).cause ?? cause) as Error; // fetch itself says only that it failed
    throw environmentError('SERVICE_UNREACHABLE', `the service at ${serviceUrl} gave no usable answer: ${message}`, {
      next: 'start it: node dist/apps/sample-service/main.js --help',
      cause,
    });
  }
  if (status === 200 || status === 401) return { status, answer };
  throw environmentError(
    'SERVICE_FAILED',
    `the service at ${serviceUrl} answered ${status}: ${String(answer['reason'] ?? answer['code'])}`,
  );
}
