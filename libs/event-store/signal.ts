/** Lets a loop sleep until something happens or a time has passed, whichever is first. */
export class Signal {
  readonly #sleepers = new Set<() => void>();

  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeUp = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wakeUp);
        resolve();
      };
      const timer = setTimeout(wakeUp, timeoutMs);
      this.#sleepers.add(wakeUp);
    });
  }

  fire(): void {
    for (const wakeUp of this.#sleepers) wakeUp();
  }
}
