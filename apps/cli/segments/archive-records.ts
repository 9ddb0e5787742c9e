/**
 * What the log itself says of its archived parts: which files a partition was sealed into, byte for byte, and how many events
 * retention has taken. Read out of the segments that are here, and only where the signed tree stands for the record.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readSignedEvent } from '../evidence/events-of-tile.js';
import { TreeCheck } from '../evidence/tree-check.js';
import type { Retirement } from '../evidence/verify-log.js';
import type { OpenedSegment } from './segment-folder.js';
import type { SegmentLog } from './segment-log.js';

export type FileRecord = {
  readonly first: number;
  readonly generation: number;
  readonly bytes: number;
  readonly sha256: string;
};
export type ArchiveRecords = { readonly retired: readonly Retirement[]; readonly files: readonly FileRecord[] };

/** The stream of operations that each partition has one of. */
const ARCHIVE_STREAMS = 'operation-archive/';

export async function archiveRecords(
  segments: readonly OpenedSegment[],
  log: SegmentLog,
  provableTo: number,
): Promise<ArchiveRecords> {
  const tree = new TreeCheck(log.tile, log.size);
  const retired: Retirement[] = [];
  const files: FileRecord[] = [];
  for (const { segment, first: begin } of segments) {
    if (begin > provableTo) break;
    for (const { events } of await segment.streamsBeginningWith(ARCHIVE_STREAMS)) {
      for (const { index } of events) {
        const event = await readSignedEvent(log, tree, begin + index);
        if (!event || begin + index > provableTo) continue;
        const { first, last, events: count, files: sealed } = event.data;
        if (event.type !== 'PartitionDetached' && event.type !== 'PartitionRetired') continue;
        if (Array.isArray(sealed)) files.push(...sealed.filter(isFileRecord));
        if (event.type === 'PartitionDetached') continue;
        if (typeof first === 'number' && typeof last === 'number' && typeof count === 'number') {
          retired.push({ first, last, events: count });
        }
      }
    }
  }
  return { retired, files };
}

/** Files that are not, to the last byte, those that the log records. */
export async function differingFiles(
  segments: readonly OpenedSegment[],
  records: readonly FileRecord[],
): Promise<string[]> {
  const differing: string[] = [];
  for (const { name, path, first, generation } of segments) {
    const record = records.find((one) => one.first === first && one.generation === generation);
    if (record && (await sha256Of(path)) !== record.sha256) differing.push(name);
  }
  return differing;
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

function isFileRecord(value: unknown): value is FileRecord {
  const { first, generation, bytes, sha256 } = (value ?? {}) as Partial<FileRecord>;
  return [first, generation, bytes].every((one) => typeof one === 'number') && typeof sha256 === 'string';
}
