/** LDAP result codes by the names of RFC 4511 §4.1.9; the ones a refused write of a directory object ends with. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'operationsError',
  2: 'protocolError',
  10: 'referral',
  11: 'adminLimitExceeded',
  16: 'noSuchAttribute',
  17: 'undefinedAttributeType',
  19: 'constraintViolation',
  20: 'attributeOrValueExists',
  21: 'invalidAttributeSyntax',
  32: 'noSuchObject',
  34: 'invalidDNSyntax',
  50: 'insufficientAccessRights',
  51: 'busy',
  52: 'unavailable',
  53: 'unwillingToPerform',
  64: 'namingViolation',
  65: 'objectClassViolation',
  67: 'notAllowedOnRDN',
  68: 'entryAlreadyExists',
  80: 'other',
};

export function ldapResultName(code: number): string {
  return NAMES[code] ?? `ldapResult${code}`;
}
