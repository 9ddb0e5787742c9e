/** A message of the raw topic that no parser takes; `message` is the reason of its dead letter and quotes nothing of it. */
export type RawRefusalCode =
  | 'RAW_TOO_LARGE'
  | 'RAW_ENCODING'
  | 'RAW_FORMAT_UNKNOWN'
  | 'RAW_KIND_UNKNOWN'
  | 'RAW_LINES_SPLIT'
  | 'RAW_FOREST_UNKNOWN'
  | 'RAW_NAME_INVALID'
  | 'RAW_GONE';

export class RawRefused extends Error {
  constructor(
    readonly code: RawRefusalCode,
    message: string,
  ) {
    super(message);
  }
}
