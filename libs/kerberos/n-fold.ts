/**
 * n-fold (RFC 3961 §5.1): spreads a constant of any length over `size` bytes. The input is repeated, each copy rotated
 * 13 bits further to the right, up to the least common multiple of both lengths; the chunks of `size` bytes are then
 * added in one's complement (the carry out of the top comes back in at the bottom).
 */

export function nFold(input: Uint8Array, size: number): Buffer {
  const length = leastCommonMultiple(input.length, size);
  const sum = Buffer.alloc(size);
  let carry = 0;
  for (let index = length - 1; index >= 0; index -= 1) {
    const column = index % size;
    carry += rotatedByte(input, index) + (sum[column] ?? 0);
    sum[column] = carry & 0xff;
    carry >>= 8;
  }
  for (let column = size - 1; carry > 0; column = (column + size - 1) % size) {
    carry += sum[column] ?? 0;
    sum[column] = carry & 0xff;
    carry >>= 8;
  }
  return sum;
}

/** Byte `index` of the endless row of copies: copy number k is the input rotated right by 13·k bits. */
function rotatedByte(input: Uint8Array, index: number): number {
  const bits = input.length * 8;
  const copy = Math.floor(index / input.length);
  const within = (index % input.length) * 8;
  const bit = (((within - 13 * copy) % bits) + bits) % bits;
  const byte = bit >> 3;
  const pair = ((input[byte] ?? 0) << 8) | (input[(byte + 1) % input.length] ?? 0);
  return (pair >> (8 - (bit & 7))) & 0xff;
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
