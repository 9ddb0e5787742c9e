/**
 * Time on the Kerberos wire: KerberosTime is a GeneralizedTime of whole seconds in UTC (YYYYMMDDHHMMSSZ, RFC 4120 §5.2.3),
 * and microseconds ride beside it. Here a time is one bigint of microseconds since 1970-01-01T00:00:00Z.
 */
import { KerberosError } from './kerberos.error.js';

const KERBEROS_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const MICROS = 1_000_000n;
const YEAR_0 = -62_167_219_200n * MICROS;
const YEAR_10000 = 253_402_300_800n * MICROS;

/** Microseconds of a KerberosTime, or undefined if the text is none or names no real second. */
export function parseKerberosTime(text: string): bigint | undefined {
  const match = KERBEROS_TIME.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const millis = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(millis)) return undefined;
  const micros = BigInt(millis) * 1_000n;
  return printKerberosTime(micros) === text ? micros : undefined;
}

/** The whole second that holds `micros`. Throws KerberosError KRB_TIME_RANGE outside the years 0 to 9999. */
export function printKerberosTime(micros: bigint): string {
  return microsToInstant(micros).replace(/[-T:]|\.\d+/g, '');
}

/** RFC 3339 UTC text with six fraction digits. Throws KerberosError KRB_TIME_RANGE outside the years 0 to 9999. */
export function microsToInstant(micros: bigint): string {
  if (micros < YEAR_0 || micros >= YEAR_10000) {
    throw new KerberosError('KRB_TIME_RANGE', `${micros} microseconds since 1970 lie outside the years 0 to 9999`);
  }
  const fraction = microsOfSecond(micros);
  const whole = new Date(Number((micros - BigInt(fraction)) / 1_000n)).toISOString();
  return `${whole.slice(0, 19)}.${String(fraction).padStart(6, '0')}Z`;
}

/** 0 to 999999, also before 1970. */
export function microsOfSecond(micros: bigint): number {
  return Number(((micros % MICROS) + MICROS) % MICROS);
}
