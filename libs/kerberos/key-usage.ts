/**
 * Key usage numbers (RFC 4120 §7.5.1, RFC 4121 §2). A key never encrypts twice with the same derived key for two purposes:
 * each purpose has its number, and Ke, Ki and Kc are derived from it.
 */

export const KEY_USAGE = {
  AS_REQ_PA_ENC_TIMESTAMP: 1,
  KDC_REP_TICKET: 2,
  AS_REP_ENC_PART: 3,
  TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY: 4,
  TGS_REQ_AUTHORIZATION_DATA_SUBKEY: 5,
  TGS_REQ_AUTHENTICATOR_CHECKSUM: 6,
  TGS_REQ_AUTHENTICATOR: 7,
  TGS_REP_ENC_PART_SESSION_KEY: 8,
  TGS_REP_ENC_PART_SUBKEY: 9,
  AP_REQ_AUTHENTICATOR_CHECKSUM: 10,
  AP_REQ_AUTHENTICATOR: 11,
  AP_REP_ENC_PART: 12,
  KRB_PRIV_ENC_PART: 13,
  KRB_CRED_ENC_PART: 14,
  KRB_SAFE_CHECKSUM: 15,
  AD_KDC_ISSUED_CHECKSUM: 19,
  GSS_ACCEPTOR_SEAL: 22,
  GSS_ACCEPTOR_SIGN: 23,
  GSS_INITIATOR_SEAL: 24,
  GSS_INITIATOR_SIGN: 25,
  /**
   * The message of our challenge form. RFC 4120 leaves 1026–2047 to applications; being outside the protocol's own
   * numbers, a challenge can never be taken for a ticket, nor a ticket for a challenge.
   */
  CHALLENGE: 1026,
} as const;
