/**
 * The one error of this library: a text, or the parts of one, that cannot be a service principal name.
 * The code names the rule, the offset is where in the text (UTF-16 units), and the message says what to write instead.
 */

export type SpnErrorCode =
  | 'SPN_TOO_LONG'
  | 'SPN_PART_COUNT'
  | 'SPN_BLANK'
  | 'SPN_CHARACTER'
  | 'SPN_EMPTY_PART'
  | 'SPN_WHITE_SPACE'
  | 'SPN_IGNORABLE'
  | 'SPN_HOST'
  | 'SPN_PORT'
  | 'SPN_INSTANCE'
  | 'SPN_ALIAS_ENTRY';

export class SpnSyntaxError extends Error {
  override readonly name = 'SpnSyntaxError';
  constructor(
    readonly code: SpnErrorCode,
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

const QUOTED_MAX = 80;

/** The text in quotes with control characters escaped, cut to a length that fits a log line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}
