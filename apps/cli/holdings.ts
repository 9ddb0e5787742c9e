/** Who holds an SPN and when, and who holds it twice, as /v1 answers and as tables show it. */
import { began, ended, type Interval } from './intervals.js';
import type { Output } from './output.js';
import type { Column } from './table.js';

export type Answer = 'yes' | 'no' | 'not-known';

export type HeldSpn = Interval & {
  readonly forest: string;
  readonly account: string;
  readonly samAccountName: string | null;
  readonly spn: string;
  readonly answer: Answer;
};

export type DuplicateRow = Interval & {
  readonly forest: string;
  readonly kind: 'exact' | 'alias' | 'unicode';
  readonly spn: string;
  readonly answer: Answer;
  readonly holders: readonly HeldSpn[];
  readonly isAliasMapAssumed: boolean;
  readonly isByDesign: boolean;
};

type Paint = {
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
};

const holder = ({ samAccountName, account }: HeldSpn): string => samAccountName ?? account;
const answerText = ({ answer }: { readonly answer: Answer }): string => answer.replace('-', ' ');

const paintAnswer = (text: string, { answer }: { readonly answer: Answer }, colors: Paint): string =>
  answer === 'not-known' ? colors.yellow(text) : answer === 'no' ? colors.dim(text) : text;

export const holdingColumns: readonly Column<HeldSpn>[] = [
  { head: 'SPN', value: ({ spn }) => spn },
  { head: 'ACCOUNT', value: holder },
  { head: 'HELD', value: answerText, paint: paintAnswer },
  { head: 'SINCE', value: began },
  { head: 'UNTIL', value: ended },
];

export const duplicateColumns: readonly Column<DuplicateRow>[] = [
  { head: 'KIND', value: ({ kind }) => kind },
  {
    head: 'HELD BY',
    value: ({ holders }) =>
      holders
        .map((one) => `${one.spn} on ${holder(one)}${one.answer === 'not-known' ? ' (not known)' : ''}`)
        .join('\n'),
    paint: (text, { answer }, colors) => (answer === 'yes' ? colors.red(text) : text),
  },
  { head: 'DUPLICATE', value: answerText, paint: paintAnswer },
  { head: 'SINCE', value: began },
  { head: 'UNTIL', value: ended },
];

export function showAssumption(output: Output, rows: readonly DuplicateRow[]): void {
  if (!rows.some(({ isAliasMapAssumed }) => isAliasMapAssumed)) return;
  output.say(output.colors.dim("alias clashes of observed forests: by Active Directory's default alias map, assumed"));
}
