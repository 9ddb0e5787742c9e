/**
 * A progress bar on standard error, only when somebody looks: a pipe, a file or CI gets none. Redrawing is bounded in
 * time, so that progress costs nothing however fast it comes.
 */
import { SingleBar } from 'cli-progress';

export type Progress = {
  /** `detail` is a short text behind the bar, such as a count of records. */
  update(value: number, detail: string): void;
  /** Clears the bar. */
  stop(): void;
};

const NONE: Progress = { update: () => {}, stop: () => {} };

/** `total` in any unit; 0 is shown as an empty bar. */
export function startProgress(name: string, total: number, stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return NONE;
  const bar = new SingleBar({
    stream,
    format: `  {name} {bar} {percentage}%  {detail}`,
    barCompleteChar: '━',
    barIncompleteChar: '·',
    barsize: 28,
    hideCursor: true,
    clearOnComplete: true,
    fps: 10,
  });
  bar.start(Math.max(total, 1), 0, { name, detail: '' });
  return {
    update: (value, detail) => bar.update(value, { detail }),
    stop: () => bar.stop(),
  };
}
