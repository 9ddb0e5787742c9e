/**
 * The service's side of mutual authentication (S7), with nothing but its own password: its keys are derived here, the message
 * is decrypted here, and nobody else is asked whether that worked. Codes are those of RFC 4120 §7.5.9 and mean what an
 * MIT acceptor means by them.
 */
import { computerSalt, defaultSalt, openChallenge, stringToKey, SUPPORTED_ENCRYPTION_TYPES } from '#kerberos';
import type { Challenge } from '#kerberos';
import { lookupKey, parseSpn } from '#spn';

export type Acceptor = {
  /** Look-up keys of the SPNs that this service answers to. */
  readonly names: ReadonlySet<string>;
  /** Key bytes by encryption type. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Version of the password, when the service knows it: it then tells a stale password from a foreign key. */
  readonly kvno?: number | undefined;
};

/** What a client hands over: the ciphertext and the public part of its envelope (EncryptedData, RFC 4120 §5.2.9). */
export type Message = {
  readonly request: string;
  readonly etype: number;
  readonly kvno: number;
  readonly ciphertext: Uint8Array;
};

export type Accepted =
  | { readonly outcome: 'verified'; readonly clientName: string; readonly proof: Uint8Array }
  | { readonly outcome: 'rejected'; readonly code: string; readonly reason: string };

export type Identity = {
  readonly spns: readonly string[];
  /** sAMAccountName of the account that the service logs on with; a computer's ends in `$`. */
  readonly account: string;
  readonly realm: string;
  readonly password: string;
  readonly kvno?: number | undefined;
};

/** Takes some milliseconds per encryption type. Throws SpnSyntaxError and KerberosError. */
export async function createAcceptor({ spns, account, realm, password, kvno }: Identity): Promise<Acceptor> {
  const upper = realm.toUpperCase();
  const salt = account.endsWith('$') ? computerSalt(upper, account) : defaultSalt(upper, [account]);
  const keys = SUPPORTED_ENCRYPTION_TYPES.map(
    async (etype) => [etype, await stringToKey(etype, password, salt)] as const,
  );
  return { names: new Set(spns.map((spn) => lookupKey(parseSpn(spn)))), keys: new Map(await Promise.all(keys)), kvno };
}

/** `nowMillis`: this service's own clock. */
export function acceptMessage({ names, keys, kvno }: Acceptor, message: Message, nowMillis: number): Accepted {
  if (kvno !== undefined && message.kvno !== kvno) {
    return reject('KRB_AP_ERR_BADKEYVER', `the message is for key version ${message.kvno}, this service has ${kvno}`);
  }
  const key = keys.get(message.etype);
  if (!key) return reject('KRB_AP_ERR_NOKEY', `this service has no key of encryption type ${message.etype}`);
  const challenge = decrypt(message, key);
  if (!challenge) {
    return reject('KRB_AP_ERR_BAD_INTEGRITY', 'the message does not decrypt with the key of this service');
  }
  if (!names.has(lookupKey(parseSpn(challenge.spn)))) {
    return reject('KRB_AP_ERR_NOT_US', `the message is for ${challenge.spn}, which is not a name of this service`);
  }
  if (challenge.exchangeId !== message.request) {
    return reject('KRB_AP_ERR_BADMATCH', 'the message was made for another ticket request than the client says');
  }
  if (Date.parse(challenge.expiresAt) <= nowMillis) {
    return reject('KRB_AP_ERR_TKT_EXPIRED', `the message ended at ${challenge.expiresAt}`);
  }
  return { outcome: 'verified', clientName: challenge.client, proof: challenge.nonce };
}

/** Undefined for a wrong key, changed bytes, or bytes that decrypt to something else. */
function decrypt({ etype, ciphertext }: Message, key: Uint8Array): Challenge | undefined {
  try {
    return openChallenge(etype, key, ciphertext);
  } catch {
    return undefined;
  }
}

function reject(code: string, reason: string): Accepted {
  return { outcome: 'rejected', code, reason };
}
