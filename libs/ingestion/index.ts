/** Ingestion: files of other systems, and what collectors send through Kafka, read into observed events. */
export {
  importFile,
  type ImportCounts,
  type ImportOptions,
  type ImportReport,
  type QuarantinedRecord,
} from './import-file.js';
export {
  INGEST_GROUP,
  RAW_TOPIC,
  startRawIngestion,
  type RawIngestion,
  type RawIngestionOptions,
  type RawIngestionStatus,
} from './from-kafka/raw-ingestion.js';
export { mapFile, type Finished, type MappedItem, type Progress, type Unfinished } from './map-file.js';
export type { Naming, Placed, PlacedRecord, PlacedSource, Quarantined, SourceKind } from './place.js';
export {
  ForestUnknown,
  ImportedElsewhere,
  InvalidImport,
  SourceDamaged,
  UnpackLimitExceeded,
} from './ingestion.error.js';
