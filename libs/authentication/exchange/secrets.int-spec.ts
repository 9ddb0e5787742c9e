import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { SetPassword } from '#directory';
import { nonceDigest, stringToKey } from '#kerberos';
import { RequestServiceTicket, RequestTgt } from './exchange.commands.js';
import {
  ALICE_PASSWORD,
  askForTicket,
  by,
  decrypt,
  FOREST,
  logOn,
  openSite,
  present,
  proofOf,
  returnProof,
  settle,
  WEB,
  WEB_PASSWORD,
  type Site,
} from '../site.spec-support.js';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** Everything in the database outside schema `secret`, as text. */
async function dump(): Promise<string> {
  const { rows: tables } = await site.database.adminPool.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
      WHERE table_schema IN ('log', 'read') AND table_type = 'BASE TABLE'`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await site.database.adminPool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
      return rows.map(({ text }) => text);
    }),
  );
  return texts.flat().join('\n');
}

it('no password, key, nonce, proof, handle or ciphertext is in an event, a receipt or an error', async () => {
  const kdc = site.server;
  const { web } = await settle(kdc);
  const handle = await logOn(kdc);
  const ticket = await askForTicket(kdc, handle);
  const { presentation, proof } = await present(kdc, ticket);
  await returnProof(kdc, presentation, handle, proof);
  const wrongPassword = 'a wrong password';
  const wrong = await proofOf(wrongPassword);
  await kdc.bus.execute(new RequestTgt(by('alice'), FOREST, 'alice', wrong));
  await kdc.bus.execute(new SetPassword(by('admin'), web, 'the next pass phrase'));

  const errors: unknown[] = [];
  const failing = [
    new RequestServiceTicket(by('alice'), `${randomUUID()}.${handle.slice(37)}`, { spn: WEB }),
    new RequestTgt(by('alice'), FOREST, 'alice', `${wrong}zz`),
  ];
  for (const command of failing)
    await kdc.bus.execute(command as RequestTgt).catch((error: unknown) => errors.push(error));
  expect(errors).toHaveLength(2);

  const keys = await Promise.all(
    [ALICE_PASSWORD, WEB_PASSWORD].flatMap((password) =>
      [18, 17].map(async (etype) => {
        const salt = password === ALICE_PASSWORD ? 'CORP.EXAMPLEalice' : 'CORP.EXAMPLEsvc-web';
        return stringToKey(etype, password, salt);
      }),
    ),
  );
  const nonce = Buffer.from((await decrypt(ticket.ciphertext)).nonce);
  const bytes = [
    ...keys,
    nonce,
    Buffer.from(handle.slice(37), 'hex'),
    Buffer.from(ticket.ciphertext, 'hex'),
    Buffer.from(wrong, 'hex'),
  ];
  const forms = bytes.flatMap((one) => [
    one.toString('hex'),
    one.toString('base64').replace(/=+$/, ''),
    one.toString('base64url'),
  ]);
  const secrets = [ALICE_PASSWORD, WEB_PASSWORD, wrongPassword, 'the next pass phrase', ...forms];

  const written = await dump();
  const told = errors.map((error) => `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).join('\n');
  expect(written).toContain(nonceDigest(nonce));
  const found = secrets.filter((secret) =>
    [written, told].some((text) => text.toLowerCase().includes(secret.toLowerCase())),
  );
  expect(found).toEqual([]);
  for (const key of keys) expect(written).not.toContain(nonceDigest(key));
});
