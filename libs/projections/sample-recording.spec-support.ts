/** The sample recording as the log would give it: mapped by the ingestion, numbered in the order in which its files come. */
import { createReadStream, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordedEvent } from '#event-store';
import { mapFile } from '#ingestion';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../samples/lab-samba-ad');
const observedAt = JSON.parse(readFileSync(join(folder, 'observed-at.json'), 'utf8')) as Record<string, string>;

export const samplePath = (name: string): string => join(folder, name);
export const sampleInstant = (name: string): string | undefined => observedAt[name];

export const sampleFiles: readonly string[] = ['log.samba.gz', ...Object.keys(observedAt)];

/** `recordedAt` is one second later for each file, from 2026-12-01. */
export async function sampleEvents(files: readonly string[] = sampleFiles): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  const versions = new Map<string, number>();
  for (const [index, name] of files.entries()) {
    const instant = sampleInstant(name);
    const naming = { name, ...(instant && { observedAt: instant }) };
    for await (const item of mapFile(createReadStream(samplePath(name)), naming)) {
      if (item.kind === 'quarantined') throw new Error(`${name}: line ${item.line}: ${item.reason}`);
      if (item.kind !== 'record') continue;
      for (const event of item.events) {
        const version = (versions.get(item.stream) ?? 0) + 1;
        versions.set(item.stream, version);
        const recordedAt = `2026-12-01T00:00:${String(index).padStart(2, '0')}.000000Z`;
        // As it comes back from the log: what is undefined was never written.
        const { id = '', ...rest } = JSON.parse(JSON.stringify(event)) as typeof event;
        events.push({ ...rest, id, stream: item.stream, version, position: events.length + 1, recordedAt });
      }
    }
  }
  return events;
}

/** `events` in another order of arrival: positions follow the new order. */
export function arriving(events: readonly RecordedEvent[]): RecordedEvent[] {
  return events.map((event, index) => ({ ...event, position: index + 1 }));
}
