// Loaded into the processes of a bench's cluster with Node's --import: measures how late the event
// loop is, and writes the figures so far to a file when SIGUSR2 comes, and starts anew.
//
// The timer runs every millisecond, so a delay of d shows as d + 1. It costs about 1 % of a core.

import fs from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const directory = process.env['CADASTRE_BENCH_STALLS'];
if (isMainThread && directory !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  process.on('SIGUSR2', () => {
    const ms = (nanoseconds: number): number => nanoseconds / 1e6;
    const figures = {
      samples: delays.count,
      p50Ms: ms(delays.percentile(50)),
      p99Ms: ms(delays.percentile(99)),
      p999Ms: ms(delays.percentile(99.9)),
      maxMs: ms(delays.max),
    };
    delays.reset();
    const file = path.join(directory, `${process.pid}.json`);
    fs.writeFileSync(`${file}.new`, JSON.stringify(figures));
    fs.renameSync(`${file}.new`, file);
  });
}
