/**
 * SPNs from their parts, the three kinds of "Name Formats for Unique SPNs":
 *
 *   host        class/host[:port]              one service instance, named by its host
 *   replicable  class/host[:port]/serviceName  replicas share class and service name; only host and port vary
 *   domain      class/host/dnsDomain           a service of a whole domain, such as a KDC
 *
 * As with DsGetSpn, no part may hold "/", and the result is a name that `validateSpn` accepts.
 */
import { isPort, printSpn, validateSpn, type Spn } from './spn.js';
import { quote, SpnSyntaxError } from './spn.error.js';

export type SpnParts =
  | { readonly kind: 'host'; readonly serviceClass: string; readonly host: string; readonly port?: number }
  | {
      readonly kind: 'replicable';
      readonly serviceClass: string;
      readonly host: string;
      readonly port?: number;
      readonly serviceName: string;
    }
  | { readonly kind: 'domain'; readonly serviceClass: string; readonly host: string; readonly domain: string };

/** Throws SpnSyntaxError; its offset is in the composed text. */
export function composeSpn(parts: SpnParts): Spn {
  const { serviceClass, host } = parts;
  const port = parts.kind === 'domain' ? undefined : parts.port;
  const hostAt = serviceClass.length + 1;
  refuseSeparator('service class', serviceClass, '/', 0);
  refuseSeparator('host', host, '/', hostAt);
  refuseSeparator('host', host, ':', hostAt);
  if (port !== undefined && !isPort(port)) {
    throw new SpnSyntaxError('SPN_PORT', hostAt + host.length + 1, `${port} is not a port: give one from 1 to 65535`);
  }
  const hostBased = printSpn({ serviceClass, host, ...(port !== undefined && { port }) });
  if (parts.kind === 'host') return validateSpn(hostBased);
  const serviceName = parts.kind === 'domain' ? parts.domain : parts.serviceName;
  refuseSeparator('service name', serviceName, '/', hostBased.length + 1);
  return validateSpn(`${hostBased}/${serviceName}`);
}

function refuseSeparator(what: string, part: string, separator: '/' | ':', partAt: number): void {
  const at = part.indexOf(separator);
  if (at < 0) return;
  const advice = separator === ':' ? 'give the port apart from the host' : 'no part of an SPN may hold one';
  throw new SpnSyntaxError('SPN_CHARACTER', partAt + at, `The ${what} ${quote(part)} holds "${separator}": ${advice}`);
}
