/**
 * The registry of encryption types: one row each, and nothing else in this library lists them again.
 * Numbers and names: IANA "Kerberos Encryption Type Numbers"; 4, 6 and 8 as MIT krb5 names them in its logs.
 * Rows with a `cipher` can be computed with (RFC 3962); the others exist so that what logs report has a name.
 */
import { KerberosError } from './kerberos.error.js';

/** All of it is AES in CBC-CTS with HMAC-SHA1-96; only the key length differs (RFC 3962 §6, §7). */
export interface AesCipher {
  readonly keyBytes: 16 | 32;
  readonly block: 'aes-128-ecb' | 'aes-256-ecb';
  readonly chain: 'aes-128-cbc' | 'aes-256-cbc';
}

/** `weak`: broken or withdrawn (RFC 6649, RFC 8429), or never meant to protect a ticket. */
export interface EncryptionType {
  readonly number: number;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly weak: boolean;
  readonly cipher?: AesCipher;
}

const WEAK = true;
const STRONG = false;

const AES_128: AesCipher = { keyBytes: 16, block: 'aes-128-ecb', chain: 'aes-128-cbc' };
const AES_256: AesCipher = { keyBytes: 32, block: 'aes-256-ecb', chain: 'aes-256-cbc' };

function row(
  number: number,
  name: string,
  weak: boolean,
  aliases: readonly string[] = [],
  cipher?: AesCipher,
): EncryptionType {
  return { number, name, aliases, weak, ...(cipher && { cipher }) };
}

const ENCRYPTION_TYPES: readonly EncryptionType[] = [
  row(1, 'des-cbc-crc', WEAK),
  row(2, 'des-cbc-md4', WEAK),
  row(3, 'des-cbc-md5', WEAK, ['des']),
  row(4, 'des-cbc-raw', WEAK),
  row(5, 'des3-cbc-md5', WEAK),
  row(6, 'des3-cbc-raw', WEAK),
  row(7, 'des3-cbc-sha1', WEAK),
  row(8, 'des-hmac-sha1', WEAK),
  row(9, 'dsaWithSHA1-CmsOID', WEAK),
  row(10, 'md5WithRSAEncryption-CmsOID', WEAK),
  row(11, 'sha1WithRSAEncryption-CmsOID', WEAK),
  row(12, 'rc2CBC-EnvOID', WEAK),
  row(13, 'rsaEncryption-EnvOID', WEAK),
  row(14, 'rsaES-OAEP-ENV-OID', WEAK),
  row(15, 'des-ede3-cbc-Env-OID', WEAK),
  row(16, 'des3-cbc-sha1-kd', WEAK, ['des3-hmac-sha1']),
  row(17, 'aes128-cts-hmac-sha1-96', STRONG, ['aes128-cts', 'aes128-sha1'], AES_128),
  row(18, 'aes256-cts-hmac-sha1-96', STRONG, ['aes256-cts', 'aes256-sha1'], AES_256),
  row(19, 'aes128-cts-hmac-sha256-128', STRONG, ['aes128-sha2']),
  row(20, 'aes256-cts-hmac-sha384-192', STRONG, ['aes256-sha2']),
  row(23, 'rc4-hmac', WEAK, ['arcfour-hmac', 'arcfour-hmac-md5']),
  row(24, 'rc4-hmac-exp', WEAK, ['arcfour-hmac-exp', 'arcfour-hmac-md5-exp']),
  row(25, 'camellia128-cts-cmac', STRONG, ['camellia128-cts']),
  row(26, 'camellia256-cts-cmac', STRONG, ['camellia256-cts']),
];

const BY_NUMBER: ReadonlyMap<number, EncryptionType> = new Map(ENCRYPTION_TYPES.map((type) => [type.number, type]));
const BY_NAME: ReadonlyMap<string, EncryptionType> = new Map(
  ENCRYPTION_TYPES.flatMap((type) => [type.name, ...type.aliases].map((name) => [name.toLowerCase(), type] as const)),
);

/** The row of a number or of a name (any alias, any case); undefined if the registry has none. */
export function encryptionType(id: number | string): EncryptionType | undefined {
  return typeof id === 'number' ? BY_NUMBER.get(id) : BY_NAME.get(id.toLowerCase());
}

/** Those this library computes with, best first. */
export const SUPPORTED_ENCRYPTION_TYPES: readonly number[] = ENCRYPTION_TYPES.filter((type) => type.cipher)
  .map((type) => type.number)
  .toSorted((a, b) => b - a);

/** The cipher of a supported type. Throws KerberosError KDC_ERR_ETYPE_NOSUPP. */
export function cipherOf(etype: number): AesCipher {
  const type = encryptionType(etype);
  if (type?.cipher) return type.cipher;
  throw new KerberosError(
    'KDC_ERR_ETYPE_NOSUPP',
    `Encryption type ${etype}${type ? ` (${type.name})` : ''} is not supported: use one of ${SUPPORTED_ENCRYPTION_TYPES.join(', ')}`,
  );
}
