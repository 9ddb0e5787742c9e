/**
 * Reports this service's side of an exchange to Kerbtrail (/v1, role `agent`). A refusal by protocol or by the exchange's
 * order is an answer; anything else that is not a success is a ReportFailed.
 */
import { randomUUID } from 'node:crypto';

export type Refusal = { readonly code: string; readonly reason: string; readonly presentation?: string | undefined };
export type Answer = { readonly [field: string]: unknown };

export class ReportFailed extends Error {
  readonly code = 'SAMPLE_REPORT_FAILED';
}

export type Reported = { readonly answer: Answer } | { readonly refusal: Refusal };

export type Agent = {
  /** S6. The answer names the presentation. */
  present(request: string, ticket: string): Promise<Reported>;
  /** S7. */
  verifyClient(presentation: string, report: Answer): Promise<Reported>;
  /** May this request of the application be answered? */
  requestApplication(presentation: string, operation: string): Promise<Reported>;
};

const TIMEOUT_MS = 10_000;
const REFUSAL = /^(KDC|KRB|AUTH)_/;

export function createAgent(url: string, token: string): Agent {
  const report = (path: string, body: Answer) => post(new URL(path, url), token, body);
  const of = (presentation: string, what: string) => `/v1/presentations/${encodeURIComponent(presentation)}/${what}`;
  return {
    present: (request, ticket) => report('/v1/presentations', { request, ticket }),
    verifyClient: (presentation, body) => report(of(presentation, 'client-verification'), body),
    requestApplication: (presentation, operation) => report(of(presentation, 'application-requests'), { operation }),
  };
}

async function post(url: URL, token: string, body: Answer): Promise<Reported> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'idempotency-key': randomUUID(),
  };
  const request = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) };
  let response: Response;
  let answer: Answer;
  try {
    response = await fetch(url, request);
    answer = (await response.json()) as Answer;
  } catch (cause) {
    throw new ReportFailed(`Kerbtrail at ${url.origin} gave no usable answer: is it running?`, { cause });
  }
  if (response.ok) return { answer };
  const { code, detail, presentation } = answer;
  const problem = typeof code === 'string' ? code : `HTTP ${response.status}`;
  if (!REFUSAL.test(problem)) throw new ReportFailed(`Kerbtrail refused the report with ${problem}: ${String(detail)}`);
  const named = typeof presentation === 'string' ? { presentation } : {};
  return { refusal: { code: problem, reason: String(detail), ...named } };
}
