/** What was begun is undone in reverse, each step whatever the others do: a database is never left running for a failure. */
export type Undo = {
  add(step: () => Promise<unknown> | void): void;
  /** Takes every step and then throws the first failure. */
  run(): Promise<void>;
};

export function undoStack(): Undo {
  const steps: (() => Promise<unknown> | void)[] = [];
  return {
    add: (step) => void steps.push(step),
    async run() {
      const failures: unknown[] = [];
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
