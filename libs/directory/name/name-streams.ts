/**
 * Where names are kept: one stream per name (name.events.ts). Service names stand in clear in the stream's id, personal
 * ones as HMACs under the log's name key.
 */
import { createHash } from 'node:crypto';
import { streamName } from '#event-store';
import { fold, spnKeys } from '#spn';
import type { NameKey } from '../secret/name-key.js';

/** Longer ids are digested: an index row must hold them. */
const CLEAR_BYTES_MAX = 512;

/** Stream of everything that may clash with this SPN, whatever its class. Throws SpnSyntaxError. */
export function spnStream(forest: string, spn: string): string {
  const clear = escapeUnprintable(spnKeys(spn).name);
  // A look-up name holds at most one "/", so a digested one can never be another's clear one.
  const id = Buffer.byteLength(clear) <= CLEAR_BYTES_MAX ? clear : `sha256//${sha256(clear)}`;
  return streamName('name', `${forest}/spn/${id}`);
}

export function upnStream(nameKey: NameKey, forest: string, userPrincipalName: string): string {
  return streamName('name', `${forest}/upn/${nameKey.hmac(fold(userPrincipalName))}`);
}

export function samStream(nameKey: NameKey, domain: string, samAccountName: string): string {
  return streamName('name', `${domain}/sam/${nameKey.hmac(fold(samAccountName))}`);
}

/** `domain` is a lower-case DNS name. */
export function domainStream(domain: string): string {
  return streamName('name', `domain/${domain}`);
}

/** Windows stores control characters and odd spaces in an SPN; a stream id is printable. */
function escapeUnprintable(text: string): string {
  return text.replace(/[%\p{Cc}\p{Zl}\p{Zp}]/gu, encodeURIComponent);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
