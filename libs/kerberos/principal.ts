/**
 * Principal names in their printed form, component/component@REALM (RFC 1964 §2.1.1),
 * and the salts of keys made from passwords. A backslash takes the next character as it is; \n \t \b \0 are control characters.
 */
import { KerberosError } from './kerberos.error.js';

export interface Principal {
  readonly components: readonly string[];
  readonly realm: string;
}

const LENGTH_MAX = 1_024;
const COMPONENTS_MAX = 32;
const CONTROL: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b', '0': '\0' };
const PRINTED: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\b': '\\b', '\0': '\\0' };

/** A name without a realm gets `defaultRealm`; without one it is refused. Throws KerberosError KRB_PRINCIPAL_SYNTAX. */
export function parsePrincipal(text: string, defaultRealm?: string): Principal {
  if (text.length > LENGTH_MAX) throw syntax(`it has ${text.length} characters, more than ${LENGTH_MAX}`);
  const [name = [], realms, ...more] = split(text);
  if (more.length > 0) throw syntax('it has more than one "@": escape those inside a name as \\@');
  if (realms && realms.length > 1) throw syntax('its realm holds "/": escape it as \\/');
  const realm = realms ? realms[0] : defaultRealm;
  if (!realm) throw syntax('it has no realm: write name@REALM');
  if (name.every((component) => component === '')) throw syntax('its name is empty: write name@REALM');
  if (name.length > COMPONENTS_MAX) throw syntax(`it has more than ${COMPONENTS_MAX} components`);
  return { components: name, realm };
}

/** The form `parsePrincipal` reads back. */
export function printPrincipal({ components, realm }: Principal): string {
  return `${components.map(escape).join('/')}@${escape(realm)}`;
}

/** RFC 4120 §4: realm and components, in order, without separators. For a user of Active Directory too (MS-KILE 3.1.1.2). */
export function defaultSalt(realm: string, components: readonly string[]): string {
  return realm + components.join('');
}

/** MS-KILE 3.1.1.2, a computer account: REALM, "host", the name without its "$" and the realm, both in lower case. */
export function computerSalt(realm: string, samAccountName: string): string {
  return `${realm.toUpperCase()}host${samAccountName.replace(/\$$/, '').toLowerCase()}.${realm.toLowerCase()}`;
}

/** The parts between unescaped "@", each as its components between unescaped "/". */
function split(text: string): string[][] {
  const parts: string[][] = [['']];
  for (const [token] of text.matchAll(/\\[^]?|[^]/g)) {
    if (token === '@') parts.push(['']);
    else if (token === '/') parts.at(-1)?.push('');
    else append(parts, token.startsWith('\\') ? unescape(token.slice(1)) : token);
  }
  return parts;
}

function append(parts: string[][], character: string): void {
  const components = parts.at(-1) ?? [];
  components.push(`${components.pop() ?? ''}${character}`);
}

function unescape(character: string): string {
  if (character === '') throw syntax('it ends in a backslash: write \\\\ for one that is meant');
  return CONTROL[character] ?? character;
}

function escape(text: string): string {
  return text.replace(/[\\/@]/g, '\\$&').replace(/[\n\t\b\0]/g, (character) => PRINTED[character] ?? character);
}

function syntax(problem: string): KerberosError {
  return new KerberosError('KRB_PRINCIPAL_SYNTAX', `This is not a principal name: ${problem}`);
}
