/**
 * The client's side of the challenge form over HTTP, with nothing but the client's password: key, proof, ticket. And the
 * sample service as the separate process that it is.
 */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { makeProof, stringToKey } from '#kerberos';
import { startProcess, type TestProcess } from './processes.js';
import type { Answer, Api } from './server.js';

export type Logon = {
  readonly logon: string;
  readonly handle: string;
  readonly expiresAt: string;
  readonly position: number;
};

export type Ticket = {
  readonly request: string;
  readonly spn: string;
  readonly ticket: string;
  readonly etype: number;
  readonly kvno: number;
  readonly ciphertext: string;
  readonly expiresAt: string;
  readonly position: number;
};

export type Credentials = { readonly forest: string; readonly clientName: string; readonly password: string };

/** Asks how the key is made, and proves it by an encrypted timestamp. */
export async function logOn(client: Api, { forest, clientName, password }: Credentials): Promise<Answer<Logon>> {
  const asked = await client.call<{ etypeInfo: { etype: number; salt: string }[] }>('POST', '/v1/logons', {
    body: { forest, clientName },
  });
  const how = asked.body.etypeInfo?.[0];
  if (!how) throw new Error(`no etype info for ${clientName}: ${asked.status} ${asked.text}`);
  const key = await stringToKey(how.etype, password, how.salt);
  const nowMicros = BigInt(Date.now()) * 1_000n;
  const proof = makeProof({ etype: how.etype, key, confounder: randomBytes(16), nowMicros }).toString('hex');
  return client.call<Logon>('POST', '/v1/logons', { body: { forest, clientName, proof, etype: how.etype } });
}

export type ServiceOptions = {
  readonly url: string;
  readonly token: string;
  readonly spn: string;
  readonly account: string;
  readonly realm: string;
  readonly password: string;
};

export type SampleService = { readonly url: string; readonly process: TestProcess };

export async function startSampleService(options: ServiceOptions): Promise<SampleService> {
  const { url, token, spn, account, realm, password } = options;
  const named = ['--principal', spn, '--account', account, '--realm', realm, '--url', url];
  const process = await startProcess([resolve('dist/apps/sample-service/main.js'), ...named], {
    env: { KERBTRAIL_TOKEN: token, KERBTRAIL_SERVICE_PASSWORD: password },
    readyWhen: /ready at http\S+$/m,
  });
  return { url: (await process.waitFor(/ready at (http\S+)$/m))[1]!, process };
}
