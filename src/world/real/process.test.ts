import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { pinoLogger } from './logger.js';
import { NodeProcess } from './process.js';

const { logger, flush } = pinoLogger({ level: 'silent' });
const own = new NodeProcess({ log: logger, flushLog: flush });

/** A child that prints its identity as we would see it, and then waits to be killed. */
const childProgram = `
  const stat = require('fs').readFileSync('/proc/self/stat', 'utf8');
  process.stdout.write(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  setInterval(() => {}, 1000);
`;

describe.runIf(process.platform === 'linux')('NodeProcess', () => {
  it('sees itself running', () => {
    expect(own.identity().pid).toBe(process.pid);
    expect(own.look(own.identity())).toBe('running');
  });

  it('takes a reused pid for proof that the other process is gone', () => {
    expect(own.look({ ...own.identity(), startTime: '1' })).toBe('gone');
  });

  it('race A23: claims nothing about another pid namespace or another boot', () => {
    const pid = 2 ** 22 + 1;
    expect(own.look({ ...own.identity(), pid })).toBe('gone');
    expect(own.look({ ...own.identity(), pid, pidNamespace: 'pid:[1]' })).toBe('unknown');
    expect(own.look({ ...own.identity(), pid, bootId: 'another' })).toBe('unknown');
    expect(own.look({ ...own.identity(), pid: 0 })).toBe('unknown');
  });

  it('sees a killed process gone', async () => {
    const child = spawn(process.execPath, ['-e', childProgram]);
    const [startTime] = (await once(child.stdout, 'data')) as [Buffer];
    const identity = {
      ...own.identity(),
      pid: child.pid ?? 0,
      startTime: startTime.toString(),
    };
    expect(own.look(identity)).toBe('running');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(own.look(identity)).toBe('gone');
  });

  it('measures itself', () => {
    expect(own.residentBytes()).toBeGreaterThan(2 ** 20);
    expect(own.cpuMicros()).toBeGreaterThan(0);
  });
});
