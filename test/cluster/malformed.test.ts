import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Address } from '../../src/world/network.js';
import { TestRoot } from './processes.js';

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.cleanUp();
});

/** Sends bytes and waits until the other side closes, or a moment has passed. */
function send({ host, port }: Address, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.end(bytes));
    const timer = setTimeout(() => socket.destroy(), 500);
    // Whether and how it is closed is not the question; what it answers is dropped.
    socket.on('error', () => undefined);
    socket.resume();
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const preamble = Buffer.from([0x48, 0x42, 0x61, 0x73, 0, 80]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Bytes that differ, and are the same in every run. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const malformed: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['half a preamble', preamble.subarray(0, 3)],
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a frame of four gigabytes', Buffer.concat([preamble, u32(0xffffffff), noise(64, 1)])],
  ['a frame that never ends', Buffer.concat([preamble, u32(10_000), noise(100, 2)])],
  ['a header that is no message', Buffer.concat([preamble, u32(300), noise(300, 3)])],
  ['noise', noise(20_000, 4)],
  ['noise after a preamble', Buffer.concat([preamble, noise(20_000, 5)])],
  ...Array.from({ length: 20 }, (_, i): [string, Buffer] => [
    `a short frame of noise, number ${i + 1}`,
    Buffer.concat([preamble, u32(40), noise(40, 100 + i), u32(30), noise(30, 200 + i)]),
  ]),
];

describe('malformed bytes from the network', () => {
  it('harm neither the master nor a region server', async () => {
    const root = await TestRoot.make();
    roots.push(root);
    const cluster = await root.start();
    const client = await cluster.connect();
    await client.admin.createTable({ name: 't', families: ['f'] });
    await client.table('t').put('r', { 'f:v': 'before' });
    const [region] = await client.admin.regions('t');
    const [host = '', port] = region?.server?.split(',') ?? [];
    for (const address of [cluster.master, { host, port: Number(port) }]) {
      for (const [, bytes] of malformed) await send(address, bytes);
    }
    await client.table('t').put('s', { 'f:v': 'after' });
    expect((await client.table('t').get('r'))?.text('f', 'v')).toBe('before');
    expect(cluster.output).not.toContain('ended; starting another');
    const fresh = await cluster.connect();
    expect(await fresh.admin.listTables()).toEqual(['t']);
    // The processes of the beginning are those that answer now.
    for (const pid of [cluster.pid, ...cluster.servers]) expect(process.kill(pid, 0)).toBe(true);
  });
});
