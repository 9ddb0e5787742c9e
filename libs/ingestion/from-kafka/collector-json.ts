/**
 * Fields of the JSON that collectors write, found as members of members or under one dotted name, whichever it is:
 * `{"log": {"file": {"path": …}}}` of the Elastic Common Schema, `{"log.file.path": …}` of a fluent-bit record.
 */
export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined when there is no such field. */
export function field(record: JsonRecord, path: string): unknown {
  if (Object.hasOwn(record, path)) return record[path];
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const [head, rest] = [path.slice(0, dot), path.slice(dot + 1)];
  const below = Object.hasOwn(record, head) ? record[head] : undefined;
  return isRecord(below) ? field(below, rest) : undefined;
}

/** The first of these fields that is a text and not empty. */
export function textField(record: JsonRecord, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = field(record, path);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/** The first of these fields that is a whole number, as a number or as digits. */
export function numberField(record: JsonRecord, paths: readonly string[]): number | undefined {
  for (const path of paths) {
    const value = field(record, path);
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  }
  return undefined;
}
