/**
 * Arrays as query parameters in PostgreSQL's binary format (array_recv), which `pg` sends for a Buffer. In the text format
 * every quote of every event's JSON would be escaped here and unescaped there, which costs more than hashing the event.
 *
 *   int32 dimensions (0 or 1) · int32 has nulls · int32 element type · [int32 length · int32 lower bound]
 *   then for each element: int32 bytes (-1: null) · the bytes
 */
const TYPE = { bytea: 17, integer: 23, text: 25, uuid: 2950 } as const;
const NULL_BYTES = -1;

export function integerArray(values: readonly (number | null)[]): Buffer {
  return writeArray(
    TYPE.integer,
    values,
    () => 4,
    (buffer, value, at) => buffer.writeInt32BE(value, at),
  );
}

export function textArray(values: readonly (string | null)[]): Buffer {
  return writeArray(TYPE.text, values, Buffer.byteLength, (buffer, value, at) => buffer.write(value, at, 'utf8'));
}

export function byteaArray(values: readonly Uint8Array[]): Buffer {
  return writeArray(
    TYPE.bytea,
    values,
    (value) => value.length,
    (buffer, value, at) => buffer.set(value, at),
  );
}

/** Bytes (bytea) given as hex digits. */
export function hexArray(values: readonly (string | null)[]): Buffer {
  return writeArray(
    TYPE.bytea,
    values,
    (value) => value.length / 2,
    (buffer, value, at) => buffer.write(value, at, 'hex'),
  );
}

export function uuidArray(values: readonly string[]): Buffer {
  return writeArray(
    TYPE.uuid,
    values,
    () => 16,
    (buffer, value, at) => buffer.write(value.replaceAll('-', ''), at, 'hex'),
  );
}

function writeArray<T>(
  type: number,
  values: readonly (T | null)[],
  bytesOf: (value: T) => number,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  const sizes = new Int32Array(values.length);
  let total = 20;
  for (let n = 0; n < values.length; n++) {
    const value = values[n]!;
    sizes[n] = value === null ? NULL_BYTES : bytesOf(value);
    total += 4 + Math.max(0, sizes[n]!);
  }
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  for (const field of [values.length > 0 ? 1 : 0, sizes.includes(NULL_BYTES) ? 1 : 0, type])
    at = buffer.writeInt32BE(field, at);
  if (values.length === 0) return buffer.subarray(0, at);
  for (const field of [values.length, 1]) at = buffer.writeInt32BE(field, at);
  for (let n = 0; n < values.length; n++) {
    const value = values[n]!;
    at = buffer.writeInt32BE(sizes[n]!, at);
    if (value === null) continue;
    write(buffer, value, at);
    at += sizes[n]!;
  }
  return buffer;
}
