/**
 * Questions asked in the same turn of the event loop, answered by one query. Commands that run at the same time look up
 * the same few things, and a query of its own for each would cost both sides more than the look-up does.
 */
type Asked<Question, Answer> = {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
};

export class Batch<Question, Answer> {
  #asked: Asked<Question, Answer>[] = [];

  /** `answer` gives one answer per question, in their order; when it throws, all of them fail. */
  constructor(
    private readonly answer: (questions: readonly Question[]) => Promise<readonly Answer[]>,
    private readonly questionsMax: number,
  ) {}

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ question, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => this.#send());
      if (this.#asked.length === this.questionsMax) this.#send();
    });
  }

  async #send(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length === 0) return;
    try {
      const answers = await this.answer(asked.map(({ question }) => question));
      asked.forEach(({ resolve }, n) => resolve(answers[n]!));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
