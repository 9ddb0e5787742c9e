/**
 * A token as its bearer holds it: `kt_<id>_<secret>`, the id 16 hex digits, the secret 256 random bits in base64url. The
 * id finds the stream; the secret is compared by digest and in constant time, and stands nowhere.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '#event-store';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const TOKEN = /^kt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export type TokenText = { readonly token: string; readonly text: string; readonly secretDigest: string };

export function newTokenText(random: Random): TokenText {
  const token = random(ID_BYTES).toString('hex');
  const secret = random(SECRET_BYTES).toString('base64url');
  return { token, text: `kt_${token}_${secret}`, secretDigest: digestOf(secret) };
}

/** Null: not the text of a token. */
export function parseTokenText(text: string): { readonly token: string; readonly secretDigest: string } | null {
  const [, token, secret] = TOKEN.exec(text) ?? [];
  return token === undefined || secret === undefined ? null : { token, secretDigest: digestOf(secret) };
}

export function digestsMatch(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
  return left.length === right.length && timingSafeEqual(left, right);
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
