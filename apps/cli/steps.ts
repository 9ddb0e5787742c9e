/** The steps of one authentication (S0–S9) as people read them: each observed, inferred or missing, and how it came out. */
import type { Column } from './table.js';

export type StepRow = {
  readonly step: string;
  readonly state: 'observed' | 'inferred' | 'missing';
  readonly outcome?: 'passed' | 'failed';
  readonly verifier: string;
  readonly rule?: string;
  readonly event?: string;
  readonly at?: string;
};

export const meanings: Readonly<Record<string, string>> = {
  S0: 'the SPN is registered on an account',
  S1: 'the client has a logon and composes the SPN',
  S2: 'it presents the SPN to the KDC',
  S3: 'the KDC finds the holder of the SPN',
  S4: 'the SPN has one holder only',
  S5: "the KDC encrypts with the holder's key",
  S6: 'the client passes it to the service',
  S7: 'the service decrypts it: it knows the client',
  S8: 'the service passes the proof back',
  S9: 'the proof matches: the service is authenticated',
  application: 'application traffic',
};

export const stepColumns: readonly Column<StepRow>[] = [
  { head: 'STEP', value: ({ step }) => (step === 'application' ? 'after' : step) },
  { head: 'WHAT HAPPENS', value: ({ step }) => meanings[step] },
  {
    head: 'OUTCOME',
    value: ({ outcome, state }) => outcome ?? (state === 'missing' ? 'not seen' : undefined),
    paint: paintOutcome,
  },
  {
    head: 'KNOWN',
    value: ({ state, rule }) =>
      state === 'inferred' ? `inferred${rule ? ` (${rule})` : ''}` : state === 'observed' ? state : undefined,
  },
  { head: 'AT', value: ({ at }) => at },
];

/** Of attempts and of steps: green what passed, red what failed, dim what was not seen. */
export function paintOutcome(
  text: string,
  _: unknown,
  colors: { red(text: string): string; green(text: string): string; dim(text: string): string },
): string {
  if (text === 'failed') return colors.red(text);
  if (text === 'passed' || text === 'mutually authenticated') return colors.green(text);
  return text === 'not seen' ? colors.dim(text) : text;
}
