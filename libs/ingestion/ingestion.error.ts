/** What reading a record and importing a file can fail with. A bad record never fails its file: it is quarantined. */

/** One record cannot be read; `message` is the reason that stands in the quarantine. */
export class UnreadableRecord extends Error {
  readonly code = 'ING_UNREADABLE_RECORD';
}

export class ForestUnknown extends Error {
  readonly code = 'ING_FOREST_UNKNOWN';
  constructor(name: string, records: number) {
    super(
      `${name}: none of its first ${records} records that matter names a domain, so their forest is unknown: ` +
        'nothing of it was imported; name the forest with --forest',
    );
  }
}

export class InvalidImport extends Error {
  readonly code = 'ING_INVALID_IMPORT';
}

/** The compressed data breaks off or does not check. */
export class SourceDamaged extends Error {
  readonly code = 'ING_SOURCE_DAMAGED';
  constructor(unpackedBytes: number, cause: Error) {
    super(
      `the compressed data is damaged or cut off after ${unpackedBytes} unpacked bytes (${cause.message}): ` +
        'what was read before was imported; import the whole file again, nothing of it will be there twice',
      { cause },
    );
  }
}

/** A compressed file that unpacks to far more than logs do. */
export class UnpackLimitExceeded extends Error {
  readonly code = 'ING_UNPACK_LIMIT';
  constructor(packedBytes: number, unpackedBytes: number, ratioMax: number) {
    super(
      `${packedBytes} compressed bytes unpack to more than ${unpackedBytes}, over ${ratioMax} times as many: ` +
        'this is not how a log compresses; unpack it yourself and import the file if it is what you mean',
    );
  }
}

/** The same records were imported before, as records of another forest. */
export class ImportedElsewhere extends Error {
  readonly code = 'ING_IMPORTED_ELSEWHERE';
  constructor(name: string, line: number, forest: string) {
    super(
      `${name}: the record at line ${line} was imported before as another forest's, so it is not imported as ${forest}'s: ` +
        'import the file under the forest it was bound to first',
    );
  }
}
