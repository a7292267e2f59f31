// Says on standard error how far long work is: a line that changes on a terminal, elsewhere a line now
// and then.

const terminalEveryMs = 250;
const fileEveryMs = 10_000;

export class Progress {
  readonly #what: string;
  readonly #cellsBefore: number;
  readonly #fractionBefore: number;
  readonly #startedMs = performance.now();
  readonly #isTerminal = process.stderr.isTTY;
  #lastMs = this.#startedMs;
  #width = 0;

  /** What was done before, by an interrupted run, does not count for the rate. */
  constructor(what: string, cellsBefore = 0, fractionBefore = 0) {
    this.#what = what;
    this.#cellsBefore = cellsBefore;
    this.#fractionBefore = fractionBefore;
  }

  /** `fraction` of the whole, from 0 to 1; undefined if the whole is not known. */
  show(rows: number, cells: number, fraction: number | undefined): void {
    const now = performance.now();
    if (now - this.#lastMs < (this.#isTerminal ? terminalEveryMs : fileEveryMs)) return;
    this.#lastMs = now;
    const seconds = (now - this.#startedMs) / 1000;
    this.#write(
      `${this.#what} ${this.#counts(rows, cells, seconds)}${this.#left(fraction, seconds)}`,
    );
  }

  end(rows: number, cells: number): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    this.#write(`${this.#what} ${this.#counts(rows, cells, seconds)} in ${seconds.toFixed(1)} s`);
    if (this.#isTerminal) process.stderr.write('\n');
  }

  #write(text: string): void {
    if (!this.#isTerminal) {
      process.stderr.write(`${text}\n`);
      return;
    }
    process.stderr.write(`\r${text.padEnd(this.#width)}`);
    this.#width = text.length;
  }

  #counts(rows: number, cells: number, seconds: number): string {
    const rate = seconds > 0 ? Math.round((cells - this.#cellsBefore) / seconds) : 0;
    return `${rows} rows, ${cells} cells, ${rate} cells/s`;
  }

  #left(fraction: number | undefined, seconds: number): string {
    const done = (fraction ?? 0) - this.#fractionBefore;
    if (fraction === undefined || done <= 0) return '';
    const left = Math.ceil((seconds / done) * (1 - fraction));
    return `, ${(fraction * 100).toFixed(0)} %, ${left} s left`;
  }
}
