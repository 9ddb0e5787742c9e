/**
 * Causes of a failed authentication, and which codes state theirs by themselves. A code is what a party reported; the cause is
 * what made it do so. One code has many causes (7 stands for an unknown, a removed and a duplicate SPN alike) and one cause
 * many codes (a wrong service key is 41 on Windows and 31, 35, 44 or 45 on MIT): so these tables map sets, stage by stage.
 */

export const causes = {
  'spn-unknown': 'No account was ever seen to hold the SPN.',
  'spn-not-held': 'No account held the SPN at that instant; it was held at another.',
  'spn-duplicate': 'More than one account held the SPN.',
  'spn-duplicate-unicode': 'More than one account held it: the SPNs differ in characters that a KDC does not see.',
  'spn-duplicate-alias': 'No account held the SPN itself, and more than one the name that its class is an alias of.',
  'spn-on-other-account':
    'The SPN was held by another account than the service runs as, so the ticket was made with its key.',
  'holder-disabled': 'The account that holds the SPN is disabled.',
  'holder-without-key': 'The account that holds the SPN has no key.',
  'no-common-etype': 'Client, service and KDC share no encryption type.',
  'stale-key': 'The service has a key of another version than the ticket was made with.',
  'wrong-key': 'The service has another key of that version: another password, or a wrong key table.',
  'service-without-key': 'The service has no key of the encryption type of the ticket.',
  'not-this-service': 'The ticket is for another service.',
  'ticket-modified': 'What was presented is not what the KDC made.',
  'ticket-expired': 'The ticket had expired.',
  'clock-skew': 'The clocks are too far apart.',
  replay: 'The same proof or ticket was presented before.',
  'client-unknown': 'There is no such client.',
  'client-disabled': "The client's account is disabled.",
  'client-locked': "The client's account is locked after failed attempts.",
  'client-expired': "The client's account has expired.",
  'client-revoked': "The client's account is disabled, locked or expired; the source does not say which.",
  'client-without-key': 'The client has no password yet.',
  'wrong-password': 'The password of the client was wrong.',
  'password-expired': 'The password of the client has expired.',
  'proof-mismatch': 'The service did not return the proof that the holder of the SPN would have returned.',
  'not-both-verified': 'Application traffic came before both sides were verified.',
  'not-known': 'What is known does not tell the cause.',
} as const satisfies Record<string, string>;

export type Cause = keyof typeof causes;

/** Refused logons (S1). NT_STATUS names are those of MS-ERREF §2.3.1, as hosts log them beside or instead of the Kerberos code. */
export const logonCauses: Readonly<Record<string, Cause>> = {
  KDC_ERR_C_PRINCIPAL_UNKNOWN: 'client-unknown',
  NT_STATUS_NO_SUCH_USER: 'client-unknown',
  KDC_ERR_CLIENT_REVOKED: 'client-revoked',
  NT_STATUS_ACCOUNT_DISABLED: 'client-disabled',
  NT_STATUS_ACCOUNT_LOCKED_OUT: 'client-locked',
  NT_STATUS_ACCOUNT_EXPIRED: 'client-expired',
  KDC_ERR_NAME_EXP: 'client-expired',
  KDC_ERR_NULL_KEY: 'client-without-key',
  KDC_ERR_PREAUTH_FAILED: 'wrong-password',
  NT_STATUS_WRONG_PASSWORD: 'wrong-password',
  KDC_ERR_KEY_EXPIRED: 'password-expired',
  NT_STATUS_PASSWORD_EXPIRED: 'password-expired',
  NT_STATUS_PASSWORD_MUST_CHANGE: 'password-expired',
  KRB_AP_ERR_SKEW: 'clock-skew',
  NT_STATUS_TIME_DIFFERENCE_AT_DC: 'clock-skew',
  KRB_AP_ERR_REPEAT: 'replay',
  KRB_AP_ERR_TKT_EXPIRED: 'ticket-expired',
};

/** Refused tickets (S2–S5). The codes of `searchCodes` leave the cause to the directory. */
export const ticketCauses: Readonly<Record<string, Cause>> = {
  KDC_ERR_SERVICE_REVOKED: 'holder-disabled',
  KDC_ERR_NULL_KEY: 'holder-without-key',
  KDC_ERR_ETYPE_NOSUPP: 'no-common-etype',
  KDC_ERR_CLIENT_REVOKED: 'client-revoked',
  KRB_AP_ERR_TKT_EXPIRED: 'ticket-expired',
  KRB_AP_ERR_SKEW: 'clock-skew',
};

export const searchCodes: ReadonlySet<string> = new Set([
  'KDC_ERR_S_PRINCIPAL_UNKNOWN',
  'KDC_ERR_PRINCIPAL_NOT_UNIQUE',
]);

/** What a service, or the KDC on its behalf, said of a ticket (S6 and later). */
export const serviceCauses: Readonly<Record<string, Cause>> = {
  KRB_AP_ERR_REPEAT: 'replay',
  KRB_AP_ERR_TKT_EXPIRED: 'ticket-expired',
  KRB_AP_ERR_TKT_NYV: 'clock-skew',
  KRB_AP_ERR_SKEW: 'clock-skew',
  KRB_AP_ERR_BADMATCH: 'ticket-modified',
};

/** Of these the service's key is the reason; which, is told by the holder and the key versions, else by the code itself. */
export const keyCauses: Readonly<Record<string, Cause>> = {
  KRB_AP_ERR_BAD_INTEGRITY: 'wrong-key',
  KRB_AP_ERR_MODIFIED: 'wrong-key',
  KRB_AP_ERR_NOT_US: 'not-this-service',
  KRB_AP_ERR_BADKEYVER: 'stale-key',
  KRB_AP_ERR_NOKEY: 'service-without-key',
};
