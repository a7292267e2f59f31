// The disk's own speed: one thread that appends to a file and flushes it, again and again. It stands
// beside durable writes in the same run, because disks differ by a hundred times.

import fs from 'node:fs';
import path from 'node:path';

/** Write + fdatasync of `bytes` a second, in `directory`. Blocks this process for `seconds`. */
export function bareSyncsPerS(directory: string, bytes: number, seconds: number): number {
  const name = path.join(directory, `bare-sync-${process.pid}`);
  const file = fs.openSync(name, 'wx');
  try {
    const buffer = Buffer.alloc(bytes, 0x61);
    const started = performance.now();
    const until = started + seconds * 1_000;
    let count = 0;
    while (performance.now() < until) {
      fs.writeSync(file, buffer);
      fs.fdatasyncSync(file);
      count++;
    }
    return count / ((performance.now() - started) / 1_000);
  } finally {
    fs.closeSync(file);
    fs.unlinkSync(name);
  }
}
