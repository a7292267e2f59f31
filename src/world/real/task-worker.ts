// What runs in a worker thread: imports a task's module, runs the task, answers. One task at a time.

import { parentPort, workerData } from 'node:worker_threads';
import { asCadastreError } from '../../base/errors.js';
import { present } from '../../base/assert.js';
import { LocalObjectStore } from '../local/object-store.js';
import type { WorkerContext, WorkerTask } from '../workers.js';
import { NodeDisk } from './disk.js';
import { NodeRandom } from './random.js';
import {
  sentError,
  type WorkerJob,
  type WorkerReply,
  type WorkerStart,
} from './worker-messages.js';

const port = present(parentPort, 'a task worker runs in a worker thread');
const { directory } = workerData as WorkerStart;
const context: WorkerContext = {
  objects: new LocalObjectStore(new NodeDisk(), directory, new NodeRandom()),
};

async function perform({ url, input }: WorkerJob): Promise<WorkerReply> {
  try {
    const module = (await import(url)) as { readonly task: WorkerTask<unknown, unknown> };
    return { kind: 'done', output: await module.task.run(input, context) };
  } catch (error) {
    return { kind: 'failed', error: sentError(asCadastreError(error)) };
  }
}

port.on('message', (job: WorkerJob) => {
  void perform(job).then((reply) => port.postMessage(reply));
});
