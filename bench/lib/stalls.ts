// Event-loop delay of processes that a bench starts, measured inside them.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const schema = z.object({
  samples: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  p999Ms: z.number(),
  maxMs: z.number(),
});
export type Stalls = z.infer<typeof schema>;

const answerWithinMs = 10_000;

export class StallWatch {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cadastre-stalls-'));
  /** For Node, of the processes to be watched. */
  readonly nodeArguments = ['--import', new URL('./stall-monitor.js', import.meta.url).href];
  readonly environment = { CADASTRE_BENCH_STALLS: this.#directory };

  /** The figures of a process since it started, or since the last time. */
  async take(pid: number): Promise<Stalls> {
    const file = path.join(this.#directory, `${pid}.json`);
    fs.rmSync(file, { force: true });
    process.kill(pid, 'SIGUSR2');
    for (let waitedMs = 0; !fs.existsSync(file); waitedMs += 10) {
      if (waitedMs > answerWithinMs) throw new Error(`process ${pid} does not tell its delays`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return schema.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
  }

  close(): void {
    fs.rmSync(this.#directory, { recursive: true });
  }
}
