import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { CreateAccount, DisableAccount, EnableAccount, SetPassword } from '#directory';
import { instantToNanos, type RecordedEvent } from '#event-store';
import { FAILED_PROOFS_MAX, LOCKOUT_WINDOW_SECONDS, lockoutWindow } from '../lockout/lockout.decider.js';
import { RequestTgt } from './exchange.commands.js';
import { ALICE_PASSWORD, by, FOREST, openSite, proofOf, settle, type Server, type Site } from '../site.spec-support.js';

let site: Site;
let kdc: Server;

beforeAll(async () => {
  site = await openSite();
  kdc = site.server;
  await settle(kdc);
});
afterAll(() => site.close());

const exchange = (id: string): Promise<RecordedEvent[]> => kdc.store.readStream(`exchange-${id}`);
const logOnWith = (clientName: string, proof?: string, etype?: number) =>
  kdc.bus.execute(new RequestTgt(by('alice'), FOREST, clientName, proof, etype));

describe('a logon', () => {
  it('is refused and recorded when nobody has the name', async () => {
    const reply = await logOnWith('mallory@CORP.EXAMPLE');
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_C_PRINCIPAL_UNKNOWN' });
    const id = reply.outcome === 'refused' ? reply.logon : '';
    expect((await exchange(id)).map(({ type, data }) => [type, data['clientName']])).toEqual([
      ['TgtRefused', 'mallory@CORP.EXAMPLE'],
    ]);
  });

  it('asks for a proof without recording anything', async () => {
    const before = await kdc.store.head();
    expect(await logOnWith('alice')).toMatchObject({ outcome: 'preauth-required', position: before });
    expect(await kdc.store.head()).toBe(before);
  });

  it('takes each proof once, whatever the request id', async () => {
    const proof = await proofOf(ALICE_PASSWORD);
    expect(await logOnWith('alice', proof)).toMatchObject({ outcome: 'issued' });
    expect(await logOnWith('alice', proof)).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_REPEAT' });
  });

  it('lets only one of many requests that race with one proof win', async () => {
    const proof = await proofOf(ALICE_PASSWORD);
    const others = [kdc, await site.another(), await site.another()];
    const replies = await Promise.all(
      Array.from({ length: 9 }, (_, n) =>
        others[n % 3]!.bus.execute(new RequestTgt(by('alice'), FOREST, 'alice', proof)),
      ),
    );
    const codes = replies.map((reply) => (reply.outcome === 'refused' ? reply.code : reply.outcome));
    expect(codes.filter((code) => code === 'issued')).toHaveLength(1);
    expect(codes.filter((code) => code === 'KRB_AP_ERR_REPEAT')).toHaveLength(8);
  });

  it.each([-301, 301])('is refused when the client clock is %i s off', async (seconds) => {
    const at = new Date(Date.now() + seconds * 1_000).toISOString();
    const reply = await logOnWith('alice', await proofOf(ALICE_PASSWORD, { at }));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_SKEW' });
  });

  it('accepts a proof under any key type that the etype info names', async () => {
    const proof = await proofOf(ALICE_PASSWORD, { etype: 17 });
    expect(await logOnWith('alice', proof, 17)).toMatchObject({ outcome: 'issued' });
    expect(await logOnWith('alice', proof, 23)).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_ETYPE_NOSUPP' });
  });

  it('is refused for a disabled account, with or without a proof, and for an account without password', async () => {
    const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: 'carol' } as const;
    const { account } = await kdc.bus.execute(new CreateAccount(by('admin'), details));
    expect(await logOnWith('carol')).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_NULL_KEY' });
    await kdc.bus.execute(new SetPassword(by('admin'), account, 'carol pass phrase'));
    await kdc.bus.execute(new DisableAccount(by('admin'), account));
    expect(await logOnWith('carol')).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_CLIENT_REVOKED' });
    const proof = await proofOf('carol pass phrase', { user: 'carol' });
    expect(await logOnWith('carol', proof)).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_CLIENT_REVOKED' });
    await kdc.bus.execute(new EnableAccount(by('admin'), account));
    expect(await logOnWith('carol', proof)).toMatchObject({ outcome: 'issued' });
  });

  it('locks the account after so many wrong passwords, guessed at once on two servers, and records no more', async () => {
    const names = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: 'dave' } as const;
    const { account } = await kdc.bus.execute(new CreateAccount(by('admin'), { ...names, password: 'dave pass' }));
    const servers = [await site.another(), await site.another()];
    const untilWindow = instantToNanos(lockoutWindow(kdc.now()).end) - instantToNanos(kdc.now());
    for (const server of servers) server.advance(Number(untilWindow / 1_000_000_000n) + 2);
    const logDaveOn = async (server: Server, password: string): Promise<string> => {
      const proof = await proofOf(password, { user: 'dave', at: server.now() });
      const reply = await server.bus.execute(new RequestTgt(by('dave'), FOREST, 'dave', proof));
      return reply.outcome === 'refused' ? reply.code : reply.outcome;
    };

    const codes: string[] = [];
    for (let n = 0; n < FAILED_PROOFS_MAX + 4; n += 2) {
      codes.push(...(await Promise.all(servers.map((server, one) => logDaveOn(server, `guess ${n + one}`)))));
    }
    expect(codes).toEqual([
      ...Array(FAILED_PROOFS_MAX).fill('KDC_ERR_PREAUTH_FAILED'),
      ...Array(4).fill('KDC_ERR_CLIENT_REVOKED'),
    ]);
    expect(await logDaveOn(servers[0]!, 'dave pass')).toBe('KDC_ERR_CLIENT_REVOKED');
    const failed = (await site.events()).filter(({ type }) => type === 'ProofFailed');
    expect(failed.filter(({ data }) => data['account'] === account)).toHaveLength(FAILED_PROOFS_MAX);

    servers[0]!.advance(LOCKOUT_WINDOW_SECONDS);
    expect(await logDaveOn(servers[0]!, 'dave pass')).toBe('issued');
  });

  it('refuses what is no name and no hex, records nothing of it, and knows no forest but its own', async () => {
    const before = await kdc.store.head();
    for (const name of ['', 'a'.repeat(501)]) {
      await expect(logOnWith(name)).rejects.toMatchObject({ code: 'AUTH_INPUT_INVALID' });
    }
    await expect(logOnWith('alice', 'xyz')).rejects.toMatchObject({ code: 'AUTH_INPUT_INVALID', kind: 'invalid' });
    await expect(kdc.bus.execute(new RequestTgt(by('alice'), 'other.example', 'alice'))).rejects.toMatchObject({
      code: 'DIR_FOREST_UNKNOWN',
    });
    expect(await kdc.store.head()).toBe(before);
  });

  it('gives its handle once: the same request asked again is told so, a refused one is answered again', async () => {
    const asked = by('alice', randomUUID());
    const proof = await proofOf(ALICE_PASSWORD);
    expect(await kdc.bus.execute(new RequestTgt(asked, FOREST, 'alice', proof))).toHaveProperty('handle');
    await expect(kdc.bus.execute(new RequestTgt(asked, FOREST, 'alice', proof))).rejects.toMatchObject({
      code: 'AUTH_ANSWER_GIVEN_ONCE',
    });
    const refused = by('alice', randomUUID());
    const first = await kdc.bus.execute(new RequestTgt(refused, FOREST, 'nobody', proof));
    expect(await kdc.bus.execute(new RequestTgt(refused, FOREST, 'nobody', proof))).toEqual(first);
    await expect(kdc.bus.execute(new RequestTgt(refused, FOREST, 'nobody else', proof))).rejects.toMatchObject({
      code: 'ES_REQUEST_ID_REUSED',
    });
  });
});
