import { beforeAll, describe, expect, it } from '@jest/globals';
import { computerSalt, sealChallenge, stringToKey } from '#kerberos';
import { acceptMessage, createAcceptor, type Acceptor, type Message } from './acceptor.js';

const SPN = 'HTTP/web1.corp.example';
const PASSWORD = 'web service pass phrase';
const NONCE = Buffer.alloc(16, 7);
const NOW = Date.parse('2026-11-22T10:00:00Z');

let acceptor: Acceptor;
let message: Message;

async function seal(
  change: object = {},
  password = PASSWORD,
  salt = 'CORP.EXAMPLEsvc-web',
  etype = 18,
): Promise<Message> {
  const challenge = {
    nonce: NONCE,
    client: 'alice@CORP.EXAMPLE',
    spn: SPN,
    exchangeId: 'r1',
    expiresAt: '2026-11-22T11:00:00.000000Z',
    ...change,
  };
  const key = { etype, key: await stringToKey(etype, password, salt), confounder: Buffer.alloc(16, 9) };
  return { request: 'r1', etype, kvno: 3, ciphertext: sealChallenge(key, challenge) };
}

beforeAll(async () => {
  acceptor = await createAcceptor({ spns: [SPN], account: 'svc-web', realm: 'corp.example', password: PASSWORD });
  message = await seal();
});

describe('the service', () => {
  it('knows the client and returns the nonce when the message is under its own key', () => {
    const accepted = acceptMessage(acceptor, message, NOW);
    expect(accepted).toMatchObject({ outcome: 'verified', clientName: 'alice@CORP.EXAMPLE' });
    expect(accepted.outcome === 'verified' && Buffer.from(accepted.proof)).toEqual(NONCE);
  });

  it('has a key of every supported encryption type, and a computer account has the salt of one', async () => {
    expect(acceptMessage(acceptor, await seal({}, PASSWORD, 'CORP.EXAMPLEsvc-web', 17), NOW).outcome).toBe('verified');
    const computer = await createAcceptor({ spns: [SPN], account: 'WEB1$', realm: 'CORP.EXAMPLE', password: PASSWORD });
    const sealed = await seal({}, PASSWORD, computerSalt('CORP.EXAMPLE', 'WEB1$'));
    expect(acceptMessage(computer, sealed, NOW).outcome).toBe('verified');
  });

  it.each<[string, () => Promise<Message>, string]>([
    ['another key', () => seal({}, 'another password'), 'KRB_AP_ERR_BAD_INTEGRITY'],
    [
      'changed bytes',
      async () => ({ ...message, ciphertext: message.ciphertext.map((b, i) => (i === 20 ? b ^ 1 : b)) }),
      'KRB_AP_ERR_BAD_INTEGRITY',
    ],
    ['a key type it has none of', async () => ({ ...message, etype: 23 }), 'KRB_AP_ERR_NOKEY'],
    ['another service', () => seal({ spn: 'HTTP/web2.corp.example' }), 'KRB_AP_ERR_NOT_US'],
    ['another ticket request', () => seal({ exchangeId: 'r2' }), 'KRB_AP_ERR_BADMATCH'],
    ['a time that is over', () => seal({ expiresAt: '2026-11-22T10:00:00Z' }), 'KRB_AP_ERR_TKT_EXPIRED'],
  ])('rejects a message for %s', async (_, make, code) => {
    expect(acceptMessage(acceptor, await make(), NOW)).toMatchObject({ outcome: 'rejected', code });
  });

  it('tells a stale key version from a foreign key when it knows its own', () => {
    expect(acceptMessage({ ...acceptor, kvno: 3 }, message, NOW).outcome).toBe('verified');
    expect(acceptMessage({ ...acceptor, kvno: 2 }, message, NOW)).toMatchObject({ code: 'KRB_AP_ERR_BADKEYVER' });
  });

  it('answers to its names however the client writes them', async () => {
    expect(acceptMessage(acceptor, await seal({ spn: 'http/WEB1.Corp.Example' }), NOW).outcome).toBe('verified');
  });
});
