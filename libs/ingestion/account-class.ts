/** What objectClass and userAccountControl say about an account (MS-ADTS §2.2.16, §3.1.1.2.4; MS-ADSC). */
import type { AccountKind } from '#directory';

const UF_ACCOUNT_DISABLE = 0x2;

/** Of the classes that can hold an SPN, the most specific wins: a computer is a user too. Undefined: not an account. */
const KINDS: readonly (readonly [objectClass: string, kind: AccountKind])[] = [
  ['msds-groupmanagedserviceaccount', 'managedService'],
  ['msds-managedserviceaccount', 'managedService'],
  ['computer', 'computer'],
  ['user', 'user'],
  ['inetorgperson', 'user'],
];

export function accountKindOf(objectClasses: readonly string[]): AccountKind | undefined {
  const classes = new Set(objectClasses.map((name) => name.toLowerCase()));
  return KINDS.find(([objectClass]) => classes.has(objectClass))?.[1];
}

/** Undefined when the text is not a number. */
export function isEnabled(userAccountControl: string): boolean | undefined {
  if (!/^-?\d{1,10}$/.test(userAccountControl)) return undefined;
  return (Number(userAccountControl) & UF_ACCOUNT_DISABLE) === 0;
}
