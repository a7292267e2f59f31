// Worker threads of a simulated process: a task runs inline, from a seeded moment on.

import { CadastreError } from '../../base/errors.js';
import type { WorkerContext, WorkerTask, Workers } from '../workers.js';
import type { SimLife } from './life.js';
import type { SimRandom } from './random.js';

const startsWithinMs = 5;

export class SimWorkers implements Workers {
  readonly #life: SimLife;
  readonly #random: SimRandom;
  readonly #context: WorkerContext;
  readonly #waiting = new Set<(error: CadastreError) => void>();
  #isStopped = false;

  constructor(life: SimLife, random: SimRandom, context: WorkerContext) {
    this.#life = life;
    this.#random = random.fork('workers');
    this.#context = context;
  }

  run<Input, Output>(task: WorkerTask<Input, Output>, input: Input): Promise<Output> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) {
        reject(stopped(task.name));
        return;
      }
      const abort = (): void => reject(stopped(task.name));
      this.#waiting.add(abort);
      // As a thread would get it, and before the caller can change it.
      const copy = structuredClone(input);
      this.#life.schedule(this.#random.between(0, startsWithinMs), `worker ${task.name}`, () => {
        if (!this.#waiting.has(abort)) return;
        task
          .run(copy, this.#context)
          .then((output) => resolve(structuredClone(output)), reject)
          .finally(() => this.#waiting.delete(abort));
      });
    });
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    for (const abort of this.#waiting) abort(stopped('a worker task'));
    this.#waiting.clear();
    return Promise.resolve();
  }
}

function stopped(name: string): CadastreError {
  return new CadastreError('stopped', `${name} was not run: the workers were stopped`);
}
