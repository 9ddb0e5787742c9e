/**
 * The registry of KRB-ERROR codes 0 to 69: one row each. Names are RFC 4120 §7.5.9's (43 from RFC 1510, 65 from RFC 4556);
 * meanings are in our words, after the causes that Microsoft documents for events 4768 and 4769 and MIT's error table.
 */

/** `routine`: part of a healthy exchange, not a failure. */
export interface KerberosErrorRow {
  readonly number: number;
  readonly name: string;
  readonly meaning: string;
  readonly routine: boolean;
}

const ROUTINE: ReadonlySet<number> = new Set([0, 25, 52]);

/** Other spellings of a whole name, beyond the prefixes that `errorByName` leaves out. */
const OTHER_NAMES: readonly (readonly [name: string, number: number])[] = [
  ['ERR_KEY_EXP', 23],
  ['ERR_CLIENT_NOT_TRUSTED', 62],
  ['ERR_KDC_NOT_TRUSTED', 63],
  ['ERR_INVALID_SIG', 64],
  ['ERR_KEY_TOO_WEAK', 65],
];

const MEANINGS: readonly (readonly [number: number, name: string, meaning: string])[] = [
  [0, 'KDC_ERR_NONE', 'no error'],
  [1, 'KDC_ERR_NAME_EXP', "the client's entry has expired"],
  [2, 'KDC_ERR_SERVICE_EXP', "the service's entry has expired"],
  [3, 'KDC_ERR_BAD_PVNO', 'the protocol version is not supported'],
  [4, 'KDC_ERR_C_OLD_MAST_KVNO', "the client's key is under an old master key"],
  [5, 'KDC_ERR_S_OLD_MAST_KVNO', "the service's key is under an old master key"],
  [6, 'KDC_ERR_C_PRINCIPAL_UNKNOWN', 'the client is not in the database'],
  [7, 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'the service name is missing, wrong, or (on Windows) held by several accounts'],
  [8, 'KDC_ERR_PRINCIPAL_NOT_UNIQUE', 'several accounts hold the name'],
  [9, 'KDC_ERR_NULL_KEY', 'the client or the service has no key: reset its password'],
  [10, 'KDC_ERR_CANNOT_POSTDATE', 'the ticket may not be postdated'],
  [11, 'KDC_ERR_NEVER_VALID', 'the requested times leave no time in which the ticket is valid'],
  [12, 'KDC_ERR_POLICY', 'policy refuses: logon hours, workstation, authentication policy or delegation'],
  [13, 'KDC_ERR_BADOPTION', 'an option cannot be granted, such as delegation to a target that is not allowed'],
  [14, 'KDC_ERR_ETYPE_NOSUPP', 'client, service and KDC share no encryption type'],
  [15, 'KDC_ERR_SUMTYPE_NOSUPP', 'the checksum type is not supported'],
  [16, 'KDC_ERR_PADATA_TYPE_NOSUPP', 'the kind of pre-authentication is not supported, often a certificate missing'],
  [17, 'KDC_ERR_TRTYPE_NOSUPP', 'the transited type is not supported'],
  [18, 'KDC_ERR_CLIENT_REVOKED', "the client's account is disabled, locked out or expired"],
  [19, 'KDC_ERR_SERVICE_REVOKED', "the service's account is disabled or expired"],
  [20, 'KDC_ERR_TGT_REVOKED', 'the ticket-granting ticket is revoked'],
  [21, 'KDC_ERR_CLIENT_NOTYET', "the client's account is not valid yet"],
  [22, 'KDC_ERR_SERVICE_NOTYET', "the service's account is not valid yet"],
  [23, 'KDC_ERR_KEY_EXPIRED', 'the password has expired'],
  [24, 'KDC_ERR_PREAUTH_FAILED', 'the pre-authentication is wrong, most often the password'],
  [25, 'KDC_ERR_PREAUTH_REQUIRED', 'pre-authentication is required: the normal first answer'],
  [26, 'KDC_ERR_SERVER_NOMATCH', 'the requested service is not the one the ticket names'],
  [27, 'KDC_ERR_MUST_USE_USER2USER', 'the account takes user-to-user tickets only, often because it has no SPN'],
  [28, 'KDC_ERR_PATH_NOT_ACCEPTED', 'the KDC refuses the path of transited realms'],
  [29, 'KDC_ERR_SVC_UNAVAILABLE', 'a service that the KDC needs is not available'],
  [31, 'KRB_AP_ERR_BAD_INTEGRITY', 'a ticket or message does not decrypt: wrong key or changed bytes'],
  [32, 'KRB_AP_ERR_TKT_EXPIRED', 'the ticket has expired'],
  [33, 'KRB_AP_ERR_TKT_NYV', 'the ticket is not valid yet: compare the clocks'],
  [34, 'KRB_AP_ERR_REPEAT', 'the same request was seen before'],
  [35, 'KRB_AP_ERR_NOT_US', 'the ticket is for another service or realm'],
  [36, 'KRB_AP_ERR_BADMATCH', 'ticket and authenticator name different clients'],
  [37, 'KRB_AP_ERR_SKEW', 'the clocks differ by more than the policy allows'],
  [38, 'KRB_AP_ERR_BADADDR', "the ticket is not for the sender's address"],
  [39, 'KRB_AP_ERR_BADVERSION', 'the protocol version does not match'],
  [40, 'KRB_AP_ERR_MSG_TYPE', 'the message is of another type than expected'],
  [
    41,
    'KRB_AP_ERR_MODIFIED',
    "the ticket is not under the service's key: misplaced or duplicate SPN, stale password, wrong host",
  ],
  [42, 'KRB_AP_ERR_BADORDER', 'the message is out of order'],
  [43, 'KRB_AP_ERR_ILL_CR_TKT', 'the cross-realm ticket is illegal'],
  [44, 'KRB_AP_ERR_BADKEYVER', 'the service does not have this version of its key'],
  [45, 'KRB_AP_ERR_NOKEY', 'the service has no key for this name'],
  [46, 'KRB_AP_ERR_MUT_FAIL', 'mutual authentication failed'],
  [47, 'KRB_AP_ERR_BADDIRECTION', 'the message came from the wrong side'],
  [48, 'KRB_AP_ERR_METHOD', 'another authentication method is required'],
  [49, 'KRB_AP_ERR_BADSEQ', 'the sequence number is wrong'],
  [50, 'KRB_AP_ERR_INAPP_CKSUM', 'the checksum is missing or of an unfit type'],
  [51, 'KRB_AP_PATH_NOT_ACCEPTED', 'the service refuses the path of transited realms'],
  [52, 'KRB_ERR_RESPONSE_TOO_BIG', 'the reply does not fit UDP: the client asks again over TCP'],
  [60, 'KRB_ERR_GENERIC', 'an error without a code of its own; the text tells more'],
  [61, 'KRB_ERR_FIELD_TOOLONG', 'a field is longer than the implementation takes'],
  [62, 'KDC_ERROR_CLIENT_NOT_TRUSTED', "the client's certificate is not trusted"],
  [63, 'KDC_ERROR_KDC_NOT_TRUSTED', "the KDC's certificate is not trusted"],
  [64, 'KDC_ERROR_INVALID_SIG', 'the signature is invalid'],
  [65, 'KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED', 'the Diffie-Hellman parameters are too weak'],
  [
    66,
    'KDC_ERR_CERTIFICATE_MISMATCH',
    "the certificate names another user; in Microsoft's table: user-to-user is required (69 elsewhere)",
  ],
  [67, 'KRB_AP_ERR_NO_TGT', 'no ticket-granting ticket was given for user-to-user'],
  [68, 'KDC_ERR_WRONG_REALM', 'the request went to the wrong realm'],
  [69, 'KRB_AP_ERR_USER_TO_USER_REQUIRED', 'user-to-user is required'],
];

const ROWS: readonly KerberosErrorRow[] = MEANINGS.map(([number, name, meaning]) => ({
  number,
  name,
  meaning,
  routine: ROUTINE.has(number),
}));

/** MIT and Heimdal return code n as this plus n. */
const KRB5_ERROR_BASE = -1_765_328_384;

const BY_NUMBER: ReadonlyMap<number, KerberosErrorRow> = new Map(ROWS.map((row) => [row.number, row]));
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...ROWS.map((row) => [withoutPrefix(row.name), row.number] as const),
  ...OTHER_NAMES,
]);

/** By the protocol's number, or by the krb5 libraries' (-1765328377 is 7). Undefined if the table has no such code. */
export function errorByNumber(number: number): KerberosErrorRow | undefined {
  return BY_NUMBER.get(number < 0 ? number - KRB5_ERROR_BASE : number);
}

/**
 * By name, with or without the prefix that each implementation puts on or leaves off: KDC_ERR_S_PRINCIPAL_UNKNOWN,
 * KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN (MIT), ERR_S_PRINCIPAL_UNKNOWN (Heimdal, Samba).
 */
export function errorByName(name: string): KerberosErrorRow | undefined {
  const number = NUMBERS.get(withoutPrefix(name));
  return number === undefined ? undefined : BY_NUMBER.get(number);
}

function withoutPrefix(name: string): string {
  return name.toUpperCase().replace(/^(KRB5KDC|KRB5KRB|KRB5|KDC|KRB)_/, '');
}
