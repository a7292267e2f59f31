import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LineWriter } from './line-writer.js';

function inFile(run: (descriptor: number) => Promise<void> | void): Promise<string> | string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cadastre-lines-'));
  const name = path.join(directory, 'log');
  const descriptor = fs.openSync(name, 'w');
  const finish = (): string => {
    const text = fs.readFileSync(name, 'utf8');
    fs.closeSync(descriptor);
    fs.rmSync(directory, { recursive: true });
    return text;
  };
  const running = run(descriptor);
  return running === undefined ? finish() : running.then(finish);
}

describe('LineWriter', () => {
  it('writes what it holds when flushed', () => {
    const text = inFile((descriptor) => {
      const writer = new LineWriter(descriptor);
      writer.write('a line\n');
      writer.write('längere Zeile\n');
      writer.flush();
    });
    expect(text).toBe('a line\nlängere Zeile\n');
  });

  it('writes lines in order, by itself, when many have gathered', async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`);
    const text = await inFile(async (descriptor) => {
      const writer = new LineWriter(descriptor);
      for (const line of lines) writer.write(line);
      await expect.poll(() => fs.fstatSync(descriptor).size).toBe(lines.join('').length);
    });
    expect(text).toBe(lines.join(''));
  });

  it('gives up at once on a pipe whose reader is gone', () => {
    withPipe((reader, descriptor) => {
      fs.closeSync(reader());
      const writer = new LineWriter(descriptor);
      writer.write('nobody reads this\n');
      writer.flush();
      writer.write('nor this\n');
      writer.flush();
    });
  });

  it('gives up after a moment on a pipe that is full', () => {
    withPipe((_, descriptor) => {
      const writer = new LineWriter(descriptor);
      writer.write('x'.repeat(1024 * 1024));
      const startedAt = performance.now();
      writer.flush();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    });
  });
});

/** Both ends of a pipe that does not block; the reading one is closed afterwards unless taken. */
function withPipe(run: (takeReader: () => number, writer: number) => void): void {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cadastre-pipe-'));
  const name = path.join(directory, 'pipe');
  execFileSync('mkfifo', [name]);
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;
  let reader: number | undefined = fs.openSync(name, O_RDONLY | O_NONBLOCK);
  const writer = fs.openSync(name, O_WRONLY | O_NONBLOCK);
  const takeReader = (): number => {
    const taken = reader ?? -1;
    reader = undefined;
    return taken;
  };
  run(takeReader, writer);
  if (reader !== undefined) fs.closeSync(reader);
  fs.closeSync(writer);
  fs.rmSync(directory, { recursive: true });
}
