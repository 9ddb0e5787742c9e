/** `node appender.js URL`: appends to the log at its highest rate, as an import does, from a process of its own. */
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';
import { bulkAppend } from '../event-log-cases.js';
import { type Load, serve } from '../log/contender.js';
import { measureRun } from '../log/measure.js';

const STEP = 10_000;

const [url = ''] = process.argv.slice(2);
const pool = createPool(url, { max: 4, applicationName: 'bench appender' });
const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
const { append } = bulkAppend(createEventStore({ pool, appendPool, catalogues: [] }));

async function appendFor({ forMs }: Load): Promise<number> {
  const deadline = performance.now() + forMs;
  let count = 0;
  for (; performance.now() < deadline; count += STEP) await append(STEP);
  return count;
}

serve({
  append: (load) => measureRun(() => appendFor(load)),
  fill: ({ count }) =>
    measureRun(async () => {
      await append(count);
      return count;
    }),
});
