/**
 * The second trust domain: a place outside the log's database that remembers the last signed checkpoint, so that a database
 * that was restored from an older copy, truncated or forked is found.
 */
export interface Witness {
  /** For people: the file, or host and database; never a password. */
  readonly place: string;
  /** The newest note; null when there was never one. Throws WitnessUnavailable. */
  read(): Promise<string | null>;
  /** Puts `next` in the place of `last` (null: of nothing) durably. False: it holds another note. Throws WitnessUnavailable. */
  swap(last: string | null, next: string): Promise<boolean>;
  close(): Promise<void>;
}
