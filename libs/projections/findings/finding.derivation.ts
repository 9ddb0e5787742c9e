/**
 * What of one holding deserves a look:
 *
 *   unaudited-write      an SPN stands that earlier evidence of the account lacked and that no audit record added. Only a
 *                        finding while an audit log tells of the time in between (the query judges that)
 *   invisible-character  the SPN holds code points that a KDC's lookup drops (D3 of the audit document; CVE-2026-25177)
 */
import { ignorableCodePoints, type IgnorableCodePoint } from '#spn';
import type { Holding } from '../spn-directory/holding.derivation.js';

export type HoldingFinding =
  | { readonly kind: 'unaudited-write'; readonly spn: string; readonly detail: Record<string, never> }
  | {
      readonly kind: 'invisible-character';
      readonly spn: string;
      readonly detail: { readonly codePoints: readonly IgnorableCodePoint[] };
    };

export function findingsOf({ beganAfter, beganBy, spellings }: Holding): HoldingFinding[] {
  const findings: HoldingFinding[] = [];
  const first = spellings[0]?.spn ?? '';
  // A begin that earlier evidence bounds is not exact only where no audited add or list made it so.
  if (beganAfter !== null && beganAfter !== beganBy) findings.push({ kind: 'unaudited-write', spn: first, detail: {} });
  for (const { spn } of spellings) {
    const codePoints = ignorableCodePoints(spn);
    if (codePoints.length === 0) continue;
    findings.push({ kind: 'invisible-character', spn, detail: { codePoints } });
    break;
  }
  return findings;
}
