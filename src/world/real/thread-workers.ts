// Workers on worker threads: a small fixed pool, whose threads start when they are first needed and
// do not keep the process alive while they are idle.
//
// Threads run compiled code. When this module itself runs from its source (in tests), a task runs
// from `dist/` if it was compiled, and else inline.

import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CadastreError } from '../../base/errors.js';
import type { WorkerContext, WorkerTask, Workers } from '../workers.js';
import {
  receivedError,
  type WorkerJob,
  type WorkerReply,
  type WorkerStart,
} from './worker-messages.js';

export interface ThreadWorkersOptions {
  /** The local root that tasks read and write objects in. */
  readonly directory: string;
  /** The same for tasks that run inline. */
  readonly context: WorkerContext;
  /** Default 1: one thread does what would stall the loop, and leaves the cores to the servers. */
  readonly threads?: number;
}

interface Job extends WorkerJob {
  readonly name: string;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
}

export class ThreadWorkers implements Workers {
  readonly #start: WorkerStart;
  readonly #context: WorkerContext;
  readonly #threadsMax: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #isStopped = false;

  constructor({ directory, context, threads = 1 }: ThreadWorkersOptions) {
    this.#start = { directory };
    this.#context = context;
    this.#threadsMax = threads;
  }

  run<Input, Output>(task: WorkerTask<Input, Output>, input: Input): Promise<Output> {
    if (this.#isStopped) return Promise.reject(stopped(task.name));
    const url = compiledUrl(task.url);
    const main = compiledUrl(new URL(taskWorkerFile(), import.meta.url).href);
    if (url === undefined || main === undefined) return task.run(input, this.#context);
    return new Promise((resolve, reject) => {
      const settle = resolve as (output: unknown) => void;
      this.#queue.push({ name: task.name, url, input, resolve: settle, reject });
      this.#assign(main);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const job of this.#queue.splice(0)) job.reject(stopped(job.name));
    const threads = [...this.#threads];
    for (const { job } of threads) job?.reject(stopped(job.name));
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  /** Gives queued jobs to idle threads, and starts threads while there may be more. */
  #assign(main: string): void {
    while (this.#queue.length > 0) {
      let thread = [...this.#threads].find((candidate) => candidate.job === undefined);
      if (thread === undefined) {
        if (this.#threads.size >= this.#threadsMax) return;
        thread = this.#startThread(main);
      }
      const job = this.#queue.shift();
      if (job !== undefined) this.#give(thread, job);
    }
  }

  #give(thread: Thread, job: Job): void {
    try {
      // A rule for windows; a worker thread has no origin.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      thread.worker.postMessage({ url: job.url, input: job.input } satisfies WorkerJob);
    } catch (error) {
      job.reject(error);
      return;
    }
    thread.job = job;
    thread.worker.ref();
  }

  #startThread(main: string): Thread {
    const worker = new Worker(new URL(main), { workerData: this.#start });
    const thread: Thread = { worker, job: undefined };
    this.#threads.add(thread);
    worker.unref();
    worker.on('message', (reply: WorkerReply) => {
      const job = this.#release(thread);
      if (reply.kind === 'done') job?.resolve(reply.output);
      else job?.reject(receivedError(reply.error));
      this.#assign(main);
    });
    const end = (why: string, cause?: unknown): void => {
      this.#threads.delete(thread);
      const job = this.#release(thread);
      job?.reject(new CadastreError('internal', `worker of ${job.name} ended: ${why}`, { cause }));
      if (!this.#isStopped) this.#assign(main);
    };
    worker.on('error', (error) => end(error.message, error));
    worker.on('exit', (code) => end(`exit code ${code}`));
    return thread;
  }

  #release(thread: Thread): Job | undefined {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    return job;
  }
}

/** The compiled form of a module of ours, or undefined if it runs from its source uncompiled. */
function compiledUrl(url: string): string | undefined {
  if (!url.endsWith('.ts')) return url;
  const compiled = url.replace(/\/(src|sim|test)\/(?!.*\/\1\/)(.*)\.ts$/, '/dist/$1/$2.js');
  return compiled !== url && existsSync(new URL(compiled)) ? compiled : undefined;
}

function taskWorkerFile(): string {
  return import.meta.url.endsWith('.ts') ? './task-worker.ts' : './task-worker.js';
}

function stopped(name: string): CadastreError {
  return new CadastreError('stopped', `${name} was not finished: the workers were stopped`);
}
