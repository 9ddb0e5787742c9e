/**
 * A service principal name as a directory stores it: class/host[:port|:instance][/name], MS-ADTS 2.2.21.
 *
 * Two readings. `parseSpn` accepts what Windows is known to store (blank parts, spaces and odd characters included),
 * because an audit must be able to hold every name it meets. `validateSpn` is narrower: what a well-formed name for
 * a new registration looks like, by "Name Formats for Unique SPNs" and the DNS and NetBIOS host rules.
 */
import { ignorableCodePoints } from './ignorable.js';
import { quote, SpnSyntaxError } from './spn.error.js';

/** `raw` is the text as given. A port is all digits, 1 to 65535, without leading zero; any other suffix is an instance name. */
export interface Spn {
  readonly raw: string;
  readonly serviceClass: string;
  readonly host: string;
  readonly port?: number;
  readonly instanceName?: string;
  readonly serviceName?: string;
}

/**
 * UTF-16 units. The schema gives servicePrincipalName no upper range (MS-ADA3), so the bound is ours: room for
 * a class, a DNS name of 255 octets and a distinguished name, and small enough for an index row.
 */
export const SPN_LENGTH_MAX = 1_024;

const EXAMPLE = 'write class/host[:port][/name], such as HTTP/web1.corp.example';
const PORT = /^[1-9]\d{0,4}$/;
const PORT_MAX = 65_535;
const UNSTORABLE = /[\0\p{Cs}]/u;

/** Reads one SPN leniently. `printSpn` of the result is the text again. Throws SpnSyntaxError only. */
export function parseSpn(text: string): Spn {
  if (text.length > SPN_LENGTH_MAX) {
    throw new SpnSyntaxError(
      'SPN_TOO_LONG',
      SPN_LENGTH_MAX,
      `${quote(text)} has ${text.length} characters; an SPN here has at most ${SPN_LENGTH_MAX}: shorten it`,
    );
  }
  const unstorable = text.search(UNSTORABLE);
  if (unstorable >= 0) {
    throw new SpnSyntaxError(
      'SPN_CHARACTER',
      unstorable,
      `${quote(text)} holds a NUL or half a surrogate pair at offset ${unstorable}, which no directory stores: remove it`,
    );
  }
  const [serviceClass = '', instance, serviceName, tooMany] = text.split('/', 4);
  if (instance === undefined || tooMany !== undefined) {
    const offset =
      instance === undefined ? text.length : serviceClass.length + instance.length + (serviceName?.length ?? 0) + 2;
    throw new SpnSyntaxError(
      'SPN_PART_COUNT',
      offset,
      `${quote(text)} does not have two or three parts separated by "/" (a backslash does not escape one): ${EXAMPLE}`,
    );
  }
  if (serviceClass === '' && instance === '' && !serviceName) {
    throw new SpnSyntaxError('SPN_BLANK', 0, `${quote(text)} has only empty parts: ${EXAMPLE}`);
  }
  return { raw: text, serviceClass, ...splitInstance(instance), ...(serviceName !== undefined && { serviceName }) };
}

/** The text of an SPN from its parts (`raw` is not consulted). */
export function printSpn(spn: Omit<Spn, 'raw'>): string {
  const suffix = spn.port ?? spn.instanceName;
  const instance = suffix === undefined ? spn.host : `${spn.host}:${suffix}`;
  const name = spn.serviceName === undefined ? '' : `/${spn.serviceName}`;
  return `${spn.serviceClass}/${instance}${name}`;
}

/** True for the whole numbers 1 to 65535. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
}

/** The first colon ends the host: a host name holds none (IPv6 literals are not SPN hosts). */
function splitInstance(instance: string): Pick<Spn, 'host' | 'port' | 'instanceName'> {
  const colon = instance.indexOf(':');
  if (colon < 0) return { host: instance };
  const host = instance.slice(0, colon);
  const suffix = instance.slice(colon + 1);
  return PORT.test(suffix) && isPort(Number(suffix)) ? { host, port: Number(suffix) } : { host, instanceName: suffix };
}

const CONTROL = /\p{Cc}/u;
const HOST = /^[\p{L}\p{M}\p{N}_.-]{1,255}$/u;

/**
 * Reads one SPN for a new registration. Beyond `parseSpn`: no part is empty, starts or ends with white space, holds
 * a control or an invisible (default-ignorable) character; class and host hold no `@` (a realm is not part of an SPN);
 * the host is made of letters, digits, `.`, `-` and `_`; a suffix of digits is a port. A class may hold inner spaces,
 * as "Microsoft Virtual Console Service" does. Throws SpnSyntaxError.
 */
export function validateSpn(text: string): Spn {
  const spn = parseSpn(text);
  refuseCharacters(text);
  const parts = text.split('/');
  let offset = 0;
  for (const part of parts) {
    refusePart(text, part, offset);
    offset += part.length + 1;
  }
  const hostAt = spn.serviceClass.length + 1;
  const at = text.indexOf('@');
  if (at >= 0 && at < hostAt + spn.host.length) {
    throw new SpnSyntaxError(
      'SPN_CHARACTER',
      at,
      `${quote(text)} has "@" at offset ${at}: leave the realm out, ${EXAMPLE}`,
    );
  }
  if (!HOST.test(spn.host)) {
    throw new SpnSyntaxError(
      'SPN_HOST',
      hostAt,
      `${quote(spn.host)} is not a host name: use the DNS or NetBIOS name (letters, digits, ".", "-", "_"; at most 255)`,
    );
  }
  if (spn.instanceName !== undefined) refuseInstance(text, spn.instanceName, hostAt + spn.host.length + 1);
  return spn;
}

function refuseCharacters(text: string): void {
  const control = text.search(CONTROL);
  if (control >= 0) {
    throw new SpnSyntaxError(
      'SPN_CHARACTER',
      control,
      `${quote(text)} has a control character at offset ${control}: remove it`,
    );
  }
  const [ignorable] = ignorableCodePoints(text);
  if (ignorable) {
    throw new SpnSyntaxError(
      'SPN_IGNORABLE',
      ignorable.offset,
      `${quote(text)} holds the invisible ${ignorable.codePoint} at offset ${ignorable.offset}: a KDC drops it and finds another name, remove it`,
    );
  }
}

function refusePart(text: string, part: string, offset: number): void {
  if (part === '') {
    throw new SpnSyntaxError(
      'SPN_EMPTY_PART',
      offset,
      `${quote(text)} has an empty part at offset ${offset}: ${EXAMPLE}`,
    );
  }
  if (part !== part.trim()) {
    throw new SpnSyntaxError(
      'SPN_WHITE_SPACE',
      offset,
      `${quote(text)} has white space around the part at offset ${offset}: remove it`,
    );
  }
}

function refuseInstance(text: string, instanceName: string, offset: number): void {
  if (/^\d*$/.test(instanceName)) {
    throw new SpnSyntaxError(
      'SPN_PORT',
      offset,
      `${quote(text)} has no port from 1 to ${PORT_MAX} after the colon at offset ${offset - 1}: write one without leading zeros, or drop the colon`,
    );
  }
  if (/[\s:@]/.test(instanceName)) {
    throw new SpnSyntaxError(
      'SPN_INSTANCE',
      offset,
      `${quote(instanceName)} is not an instance name: it may hold no space, ":" or "@"`,
    );
  }
}
