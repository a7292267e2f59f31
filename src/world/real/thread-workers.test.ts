import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalObjectStore } from '../local/object-store.js';
import type { WorkerContext, WorkerTask } from '../workers.js';
import { NodeDisk } from './disk.js';
import { NodeRandom } from './random.js';
import { ThreadWorkers } from './thread-workers.js';

const here = import.meta.dirname;
const repository = resolve(here, '../../..');

let directory = '';
let Compiled = ThreadWorkers;

/** Threads run JavaScript only, so this compiles the module under test and what it imports. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cadastre-workers-'));
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  const files = ['thread-workers.ts', 'task-worker.ts'].map((name) => join(here, name));
  const options =
    '--target es2022 --module nodenext --types node --skipLibCheck --ignoreConfig'.split(' ');
  const places = ['--rootDir', join(repository, 'src'), '--outDir', directory];
  execFileSync(process.execPath, [compiler, ...files, ...options, ...places], { cwd: repository });
  const url = pathToFileURL(join(directory, 'world/real/thread-workers.js')).href;
  ({ ThreadWorkers: Compiled } = (await import(/* @vite-ignore */ url)) as {
    readonly ThreadWorkers: typeof ThreadWorkers;
  });
  await mkdir(join(directory, 'root'));
});

afterAll(() => rm(directory, { recursive: true }));

function context(): WorkerContext {
  const root = join(directory, 'root');
  return { objects: new LocalObjectStore(new NodeDisk(), root, new NodeRandom()) };
}

function workers(threads = 1): ThreadWorkers {
  return new Compiled({ directory: join(directory, 'root'), context: context(), threads });
}

/** A task whose module is this text; `run` here must not be reached. */
async function task(name: string, program: string): Promise<WorkerTask<unknown, unknown>> {
  const path = join(directory, `${name}-worker.js`);
  await writeFile(path, program);
  const run = (): never => {
    throw new Error('ran inline');
  };
  return { name, url: pathToFileURL(path).href, run };
}

describe('ThreadWorkers', () => {
  it('runs a task in another thread, on the objects of the root', async () => {
    const pool = workers();
    const copy = await task(
      'copy',
      `import { isMainThread } from 'node:worker_threads';
       export const task = { run: async ({ from, to }, { objects }) => {
         await objects.create(to, await objects.get(from));
         return isMainThread;
       } };`,
    );
    const { objects } = context();
    await objects.create('data/from', Buffer.from('bytes'));
    expect(await pool.run(copy, { from: 'data/from', to: 'data/to' })).toBe(false);
    expect((await objects.get('data/to')).toString()).toBe('bytes');
    await pool.stop();
  });

  it("rejects with the task's own error, code and details, and goes on", async () => {
    const pool = workers();
    const errors = pathToFileURL(join(directory, 'base/errors.js')).href;
    const failing = await task(
      'failing',
      `import { CadastreError } from '${errors}';
       export const task = { run: async (input) => {
         if (input === 'ours') {
           const options = { nextStep: 'Restore it.', details: { offset: 7 } };
           throw new CadastreError('corruption', 'block 7 is damaged', options);
         }
         if (input === 'any') throw new TypeError('no such thing');
         return 'fine';
       } };`,
    );
    await expect(pool.run(failing, 'ours')).rejects.toMatchObject({
      code: 'corruption',
      message: 'block 7 is damaged',
      nextStep: 'Restore it.',
      details: { offset: 7 },
    });
    await expect(pool.run(failing, 'any')).rejects.toMatchObject({
      code: 'internal',
      message: 'no such thing',
    });
    await expect(pool.run(failing, () => 'not cloneable')).rejects.toThrow('could not be cloned');
    expect(await pool.run(failing, 'neither')).toBe('fine');
    await pool.stop();
  });

  it('survives the end of a thread, and gives the next task a new one', async () => {
    const pool = workers();
    const ending = await task(
      'ending',
      `export const task = { run: (input) => {
         if (input === 'exit') process.exit(3);
         if (input === 'throw') setImmediate(() => { throw new Error('thrown aside'); });
         return input === 'go on' ? Promise.resolve('went on') : new Promise(() => {});
       } };`,
    );
    const results = await Promise.allSettled([
      pool.run(ending, 'exit'),
      pool.run(ending, 'throw'),
      pool.run(ending, 'go on'),
    ]);
    expect(
      results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason)),
    ).toMatchObject([
      { code: 'internal', message: 'worker of ending ended: exit code 3' },
      { code: 'internal', message: 'worker of ending ended: thrown aside' },
      'went on',
    ]);
    await pool.stop();
  });

  it('runs as many tasks at once as it has threads', async () => {
    const pool = workers(2);
    const meeting = await task(
      'meeting',
      `export const task = { run: async (shared) => {
         const here = new Int32Array(shared);
         Atomics.add(here, 0, 1);
         while (Atomics.load(here, 0) < 2) await new Promise(setImmediate);
         return 'met';
       } };`,
    );
    const shared = new SharedArrayBuffer(4);
    const both = [pool.run(meeting, shared), pool.run(meeting, shared)];
    expect(await Promise.all(both)).toEqual(['met', 'met']);
    await pool.stop();
  });

  it('rejects what is running, queued and new when it is stopped', async () => {
    const pool = workers();
    const endless = await task(
      'endless',
      'export const task = { run: () => new Promise(() => {}) };',
    );
    const running = Promise.allSettled([pool.run(endless, 1), pool.run(endless, 2)]);
    await pool.stop();
    for (const result of [
      ...(await running),
      ...(await Promise.allSettled([pool.run(endless, 3)])),
    ]) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'stopped' } });
    }
  });

  it('runs a task inline where neither it nor the pool is compiled', async () => {
    const pool = new ThreadWorkers({ directory, context: context() });
    const inline: WorkerTask<string, string> = {
      name: 'inline',
      url: pathToFileURL(join(directory, 'src/none/inline-worker.ts')).href,
      run: (input) => Promise.resolve(`${input} inline`),
    };
    expect(await pool.run(inline, 'ran')).toBe('ran inline');
  });
});
