export { KerberosError, DerError, type KerberosErrorCode, type DerErrorCode } from './kerberos.error.js';
export { encryptionType, SUPPORTED_ENCRYPTION_TYPES, type EncryptionType } from './encryption-types.js';
export { errorByNumber, errorByName, type KerberosErrorRow } from './error-codes.js';
export { KEY_USAGE } from './key-usage.js';
export { stringToKey, deriveKey, DEFAULT_ITERATIONS } from './derive-key.js';
export { encrypt, decrypt, CONFOUNDER_BYTES } from './encryption.js';
export { parseKerberosTime, printKerberosTime, microsToInstant } from './kerberos-time.js';
export { encodePaEncTsEnc, decodePaEncTsEnc, makeProof, openProof, type ProofKey } from './pa-enc-timestamp.js';
export {
  sealChallenge,
  openChallenge,
  ticketId,
  nonceDigest,
  proofMatches,
  NONCE_BYTES,
  type Challenge,
  type ChallengeKey,
} from './challenge.js';
export { parsePrincipal, printPrincipal, defaultSalt, computerSalt, type Principal } from './principal.js';
