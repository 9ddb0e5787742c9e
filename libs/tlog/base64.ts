/** Base 64 of RFC 4648 §4, read strictly: one text per value, so that nothing can be changed unseen. */

/** Undefined for a text that an encoder would not have written. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
