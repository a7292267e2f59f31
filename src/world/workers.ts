// Work for the processor that would stall the event loop, run elsewhere (L8). In the real world a
// worker thread imports the task's module; in a simulation the task runs inline at a seeded moment.

import type { ObjectStore } from './object-store.js';

/** What a task may touch. */
export interface WorkerContext {
  readonly objects: ObjectStore;
}

/** A module `x-worker.ts` exports its task as `task`. Input and output are structured-cloneable. */
export interface WorkerTask<Input, Output> {
  /** For logs and metrics. */
  readonly name: string;
  /** `import.meta.url` of the module that exports the task as `task`. */
  readonly url: string;
  run(input: Input, context: WorkerContext): Promise<Output>;
}

export interface Workers {
  /** Rejects with the task's own error (as a CadastreError where it was one). */
  run<Input, Output>(task: WorkerTask<Input, Output>, input: Input): Promise<Output>;
  stop(): Promise<void>;
}
