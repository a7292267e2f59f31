import { fromBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellType, makeCell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import { ByteWriter } from './byte-writer.js';
import { fetchClusterId } from './cluster-id.js';
import { ResponseHeaderSchema } from './generated/hbase/rpc_pb.js';
import { encodeConnectionOpening, encodeRequestHeader } from './headers.js';
import { ProtoReader } from './proto-reader.js';
import type { RpcCall } from './rpc-call.js';
import type { RpcClient } from './rpc-client.js';
import { clusterId, echo, rpcPair } from './testing/cluster.js';
import type { RawClient, RpcPair } from './testing/cluster.js';

const registryAnswerBytes = 50;
const opening = encodeConnectionOpening({
  serviceName: 'ClientService',
  user: 'root',
  codec: 'key-value',
  softwareVersion: '0',
});

/** A request frame. */
function request(callId: number, methodName: string, parameter: Uint8Array): Buffer {
  const writer = new ByteWriter();
  writer.uint32(0);
  const common = { hasParameter: true, cellBlockLength: undefined, priority: 0, timeoutMs: 0 };
  encodeRequestHeader(writer, { callId, methodName, ...common });
  const mark = writer.beginDelimited();
  writer.bytes(parameter);
  writer.end(mark);
  writer.setUint32(0, writer.length - 4);
  return writer.take();
}

/** The header of a response frame, and what follows it. */
function response(frame: Buffer) {
  const reader = new ProtoReader(frame);
  const header = fromBinary(ResponseHeaderSchema, reader.bytes());
  return { callId: header.callId, exception: header.exception, rest: frame.subarray(reader.at) };
}

function onlyException(raw: RawClient) {
  const frames = raw.frames();
  expect(frames).toHaveLength(1);
  const { callId, exception } = response(frames[0] as Buffer);
  return { callId, name: exception?.exceptionClassName.split('.').at(-1), exception };
}

function call(client: RpcClient, pair: RpcPair, method: string, text: string, timeoutMs = 10_000) {
  return client.call(pair.address, 'ClientService', {
    method,
    encode: (writer, value: Buffer) => writer.bytes(value),
    value: Buffer.from(text),
    timeoutMs,
  });
}

describe('the opening of a connection', () => {
  it('by "Regist" is answered with the cluster id in 50 bytes, and closed (R-D6)', async () => {
    const pair = await rpcPair({});
    const raw = await pair.raw();
    raw.send(Buffer.from('526567697374', 'hex'));
    await pair.simulation.runFor(100);
    expect(raw.received).toHaveLength(registryAnswerBytes);
    expect(raw.received.toString('latin1')).toBe(
      `\0\0\0\x2e\x06\x08\xff\xff\xff\xff\x0f\x26\x0a\x24${clusterId}`,
    );
    expect(raw.isClosed).toBe(true);
    const fetched = fetchClusterId(pair.clientWorld, pair.address, 1_000);
    expect(await pair.simulation.run(fetched)).toBe(clusterId);
  });

  it('by "Regist" before the cluster id is known is told that the server is starting', async () => {
    const pair = await rpcPair({}, { clusterId: () => undefined });
    const fetched = fetchClusterId(pair.clientWorld, pair.address, 1_000);
    await expect(pair.simulation.run(fetched)).rejects.toMatchObject({
      code: 'server-not-running',
    });
  });

  it('by HBas 0 80 and a header is answered by nothing, and then serves calls', async () => {
    const pair = await rpcPair({ Get: echo });
    const raw = await pair.raw();
    for (const byte of opening) raw.send(Buffer.from([byte]));
    await pair.simulation.runFor(100);
    expect(raw.received).toHaveLength(0);
    expect(raw.isClosed).toBe(false);
    raw.send(request(7, 'Get', Buffer.from('row')));
    await pair.simulation.runFor(100);
    const [frame] = raw.frames();
    expect(frame?.toString('hex')).toBe('02080703726f77');
  });

  it('by "Securi" is told that security is off, and goes on with an ordinary preamble', async () => {
    const pair = await rpcPair({ Get: echo });
    const raw = await pair.raw();
    raw.send(Buffer.from('Securi'));
    await pair.simulation.runFor(100);
    const { callId, name, exception } = onlyException(raw);
    expect({ callId, name }).toEqual({ callId: 0xffffffff, name: 'SecurityNotEnabledException' });
    expect(exception?.doNotRetry).toBe(false);
    raw.send(opening, request(1, 'Get', Buffer.from('x')));
    await pair.simulation.runFor(100);
    expect(raw.frames()).toHaveLength(1);
  });

  it('by "Securi" again and again is closed', async () => {
    const pair = await rpcPair({});
    const raw = await pair.raw();
    raw.send(Buffer.from('Securi'.repeat(20_000)));
    await pair.simulation.runFor(100);
    expect(raw.isClosed).toBe(true);
    expect(raw.frames()).toHaveLength(2);
  });

  it('by anything else is told what is wrong and closed', async () => {
    const cases = [
      ['HBas\x01\x50', 'WrongVersionException'],
      ['HBas\x00\x51', 'BadAuthException'],
      ['GET / ', 'FatalConnectionException'],
    ] as const;
    for (const [bytes, expected] of cases) {
      const pair = await rpcPair({});
      const raw = await pair.raw();
      raw.send(Buffer.from(bytes, 'latin1'));
      await pair.simulation.runFor(100);
      const { callId, name, exception } = onlyException(raw);
      expect({ callId, name }).toEqual({ callId: 0xffffffff, name: expected });
      expect(exception?.doNotRetry).toBe(true);
      expect(raw.isClosed).toBe(true);
      if (expected === 'FatalConnectionException') {
        expect(exception?.stackTrace).toContain('Expected HEADER=HBas but received HEADER=GET ');
      }
    }
  });

  it('for an unknown service or codec, or with garbage, is closed without a byte', async () => {
    const header = (serviceName: string, codec: string): Buffer => {
      const writer = new ByteWriter();
      writer.bytes(Buffer.from('HBas\x00\x50', 'latin1'));
      writer.uint32(4 + serviceName.length + codec.length);
      writer.stringField(18, serviceName);
      writer.stringField(26, codec);
      return writer.take();
    };
    const openings = [
      header('NoService', ''),
      header('', ''),
      header('ClientService', 'org.example.Codec'),
      Buffer.concat([Buffer.from('HBas\x00\x50\0\0\0\x03', 'latin1'), Buffer.from('\xff\xff\xff')]),
      Buffer.from('HBas\x00\x50\xff\xff\xff\xff', 'latin1'),
    ];
    for (const bytes of openings) {
      const pair = await rpcPair({ Get: echo });
      const raw = await pair.raw();
      raw.send(bytes);
      await pair.simulation.runFor(100);
      expect(raw.received).toHaveLength(0);
      expect(raw.isClosed).toBe(true);
    }
  });

  it('towards a server that does not know "Regist" gives no cluster id', async () => {
    const pair = await rpcPair({});
    const old = await pair.simulation.run(
      pair.serverWorld.network.listen({ host: 'server', port: 0 }, (connection) => {
        connection.onData(() => {
          const text = 'Expected HEADER=HBas but received HEADER=Regi from client:1';
          const className = 'org.apache.hadoop.hbase.ipc.FatalConnectionException';
          const writer = new ByteWriter();
          writer.uint32(0);
          const header = writer.beginDelimited();
          writer.varintField(8, 0xffffffff);
          const mark = writer.begin(18);
          writer.stringField(10, className);
          writer.stringField(18, `${className}: ${text}`);
          writer.end(mark);
          writer.end(header);
          writer.setUint32(0, writer.length - 4);
          connection.write(writer.take());
        });
        connection.onClose(() => undefined);
        connection.onDrain(() => undefined);
      }),
    );
    const fetched = fetchClusterId(pair.clientWorld, old.address, 1_000);
    expect(await pair.simulation.run(fetched)).toBeUndefined();
  });
});

describe('a call', () => {
  it('of an unknown method, without parameter, or with a wrong cell block fails alone', async () => {
    const pair = await rpcPair({ Get: echo });
    const raw = await pair.raw();
    const wrongBlock = Buffer.concat([request(3, 'Get', Buffer.from('x')), Buffer.from('more')]);
    wrongBlock.writeUInt32BE(wrongBlock.length - 4);
    const noParameter = Buffer.from('0000000c0b080212001a034765742000', 'hex');
    raw.send(opening, request(1, 'Nope', Buffer.alloc(0)), noParameter, wrongBlock);
    raw.send(request(4, 'Get', Buffer.from('x')));
    await pair.simulation.runFor(100);
    const answers = raw.frames().map(response);
    expect(answers.map(({ callId }) => callId)).toEqual([1, 2, 3, 4]);
    const names = answers.map(({ exception }) => exception?.exceptionClassName);
    const refused = 'org.apache.hadoop.hbase.DoNotRetryIOException';
    expect(names).toEqual([refused, refused, refused, undefined]);
    expect(answers[0]?.exception?.stackTrace).toContain("ClientService has no method 'Nope'");
  });

  it('whose handler throws, or answers with what cannot be encoded, fails as that', async () => {
    const pair = await rpcPair({
      Throws: () => {
        throw new CadastreError('region-too-busy', 'the memstore is full', { nextStep: 'Wait.' });
      },
      Unencodable: (incoming) =>
        incoming.reply(() => {
          throw new Error('no encoding');
        }, undefined),
    });
    const client = pair.client();
    await expect(pair.simulation.run(call(client, pair, 'Throws', ''))).rejects.toMatchObject({
      code: 'region-too-busy',
      message: 'the memstore is full',
      nextStep: 'Wait.',
    });
    await expect(pair.simulation.run(call(client, pair, 'Unencodable', ''))).rejects.toMatchObject({
      code: 'internal',
    });
  });

  it('carries cells in blocks both ways, without their tags unless the codec has them', async () => {
    const cell = makeCell({
      row: Buffer.from('row'),
      family: Buffer.from('f'),
      qualifier: Buffer.from('q'),
      timestamp: 5,
      type: CellType.put,
      value: Buffer.alloc(300_000, 1),
      tags: Buffer.from('00020841', 'hex'),
    });
    for (const codec of ['key-value', 'key-value-with-tags'] as const) {
      const pair = await rpcPair({
        Multi: (incoming) =>
          incoming.reply((writer) => writer.bytes(incoming.cellBlock ?? Buffer.alloc(0)), 0, [
            cell,
            cell,
          ]),
      });
      const client = pair.client({ codec });
      const reply = await pair.simulation.run(
        client.call(pair.address, 'ClientService', {
          method: 'Multi',
          encode: () => undefined,
          value: 0,
          timeoutMs: 10_000,
          cells: [cell],
        }),
      );
      const length = codec === 'key-value' ? cell.length - 6 : cell.length;
      expect(reply.message.readUInt32BE(0)).toBe(length);
      expect(reply.message).toHaveLength(4 + length);
      expect(reply.cellBlock).toHaveLength(2 * (4 + length));
    }
  });

  it('is answered in any order, many at once, over cut and glued streams', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = await rpcPair(
        {
          Later: (incoming) => {
            const { clock, random } = pair.serverWorld;
            clock.timer(random.below(50), () => echo(incoming));
          },
        },
        {},
        seed,
      );
      const client = pair.client();
      const texts = Array.from({ length: 800 }, (_, i) => `call ${i} ${'x'.repeat(i)}`);
      const replies = await pair.simulation.run(
        Promise.all(texts.map((text) => call(client, pair, 'Later', text))),
      );
      expect(replies.map(({ message }) => message.toString())).toEqual(texts);
      expect(pair.server.figures).toMatchObject({
        callsUnderWay: 0,
        requestBytesUnderWay: 0,
        calls: 800,
        connections: 1,
      });
    }
  });

  it('that is not answered in time ends as timed out, and its late answer is dropped', async () => {
    const held: RpcCall[] = [];
    const pair = await rpcPair({ Hold: (incoming) => held.push(incoming), Get: echo });
    const client = pair.client();
    const slow = call(client, pair, 'Hold', 'x', 200);
    await expect(pair.simulation.run(slow)).rejects.toMatchObject({
      code: 'timed-out',
      details: { delivered: 'unknown' },
    });
    held.forEach(echo);
    await pair.simulation.runFor(100);
    const { message } = await pair.simulation.run(call(client, pair, 'Get', 'still there'));
    expect(message.toString()).toBe('still there');
  });

  it('ends when the connection is lost, and says whether it can have been delivered (race P6)', async () => {
    const pair = await rpcPair({ Hold: () => undefined });
    const client = pair.client();
    const nobody = client.call({ host: 'server', port: 1 }, 'ClientService', {
      method: 'Get',
      encode: () => undefined,
      value: 0,
      timeoutMs: 1_000,
    });
    await expect(pair.simulation.run(nobody)).rejects.toMatchObject({
      code: 'connection-lost',
      details: { delivered: 'no' },
    });
    const lost = call(client, pair, 'Hold', 'x');
    await pair.simulation.runFor(100);
    pair.simulation.node('server').kill();
    await expect(pair.simulation.run(lost)).rejects.toMatchObject({
      code: 'connection-lost',
      details: { delivered: 'unknown' },
    });
    expect(client.connections).toBe(0);
  });
});

describe('bounds', () => {
  it('a frame above the limit is refused from its header alone, and the connection closed', async () => {
    const pair = await rpcPair({ Get: echo }, { frameBytesMax: 1_000 });
    const raw = await pair.raw();
    const big = request(9, 'Get', Buffer.alloc(2_000));
    raw.send(opening, big.subarray(0, 40));
    await pair.simulation.runFor(100);
    const { callId, name } = onlyException(raw);
    expect({ callId, name }).toEqual({ callId: 9, name: 'RequestTooBigException' });
    expect(raw.isClosed).toBe(true);
    // A length of 2^31 or more is a large number, not a negative one; garbage is just closed.
    const other = await pair.raw();
    other.send(opening, Buffer.from('ffffffff020801'.padEnd(200, 'f'), 'hex'));
    await pair.simulation.runFor(100);
    expect(onlyException(other)).toMatchObject({ callId: 1, name: 'RequestTooBigException' });
  });

  it('connections above the limit are closed, and room is made by those that end', async () => {
    const pair = await rpcPair({ Get: echo }, { connectionsMax: 1 });
    const first = await pair.raw();
    const second = await pair.raw();
    await pair.simulation.runFor(100);
    expect([first.isClosed, second.isClosed]).toEqual([false, true]);
    first.connection.destroy();
    await pair.simulation.runFor(100);
    const { message } = await pair.simulation.run(call(pair.client(), pair, 'Get', 'x'));
    expect(message.toString()).toBe('x');
  });

  it('calls above the limit get CallQueueTooBig, the others their answers', async () => {
    const held: RpcCall[] = [];
    const pair = await rpcPair({ Hold: (incoming) => held.push(incoming) }, { callsMax: 3 });
    const client = pair.client();
    const calls = Array.from({ length: 5 }, (_, i) => call(client, pair, 'Hold', `${i}`));
    const outcomes = Promise.allSettled(calls);
    await pair.simulation.runFor(100);
    expect(held).toHaveLength(3);
    held.forEach(echo);
    const codes = (await pair.simulation.run(outcomes)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'answered' : (outcome.reason as CadastreError).code,
    );
    expect(codes.sort()).toEqual([
      'answered',
      'answered',
      'answered',
      'call-queue-too-big',
      'call-queue-too-big',
    ]);
  });

  it('a client that takes no answers is not read from; what it sent is answered when it does', async () => {
    let served = 0;
    const pair = await rpcPair({
      Get: (incoming) => {
        served++;
        incoming.reply((writer) => writer.bytes(Buffer.alloc(200_000)), 0);
      },
    });
    const raw = await pair.raw();
    await pair.simulation.runFor(100);
    raw.connection.pause();
    raw.send(opening);
    for (let i = 0; i < 100; i++) raw.send(request(i, 'Get', Buffer.alloc(10)));
    await pair.simulation.runFor(1_000);
    // 4 MiB of answers, and what the network holds.
    expect(served).toBeLessThan(30);
    raw.connection.resume();
    await pair.simulation.runFor(60_000);
    expect(served).toBe(100);
    expect(raw.frames()).toHaveLength(100);
  });
});

describe('the end of a turn', () => {
  it('sends everything answered in it, at once for each connection', async () => {
    const held: RpcCall[] = [];
    const pair = await rpcPair({ Hold: (incoming) => held.push(incoming) });
    const clients = [pair.client(), pair.client()];
    const calls = clients.flatMap((client) =>
      Array.from({ length: 50 }, (_, i) => call(client, pair, 'Hold', `${i}`)),
    );
    const all = Promise.all(calls);
    await pair.simulation.runFor(100);
    const before = pair.server.figures.flushes;
    held.forEach(echo);
    await pair.simulation.run(all);
    expect(pair.server.figures.flushes - before).toBe(1);
  });

  it('sends nothing, and cuts the connections, once replies are no longer allowed (race A4)', async () => {
    let mayReply = true;
    const held: RpcCall[] = [];
    const pair = await rpcPair(
      { Hold: (incoming) => held.push(incoming) },
      { mayReply: () => mayReply },
    );
    const lost = call(pair.client(), pair, 'Hold', 'read');
    await pair.simulation.runFor(100);
    mayReply = false;
    held.forEach(echo);
    await expect(pair.simulation.run(lost)).rejects.toMatchObject({ code: 'connection-lost' });
  });

  it('comes for every call before `drain` is done, and new calls are told to go elsewhere', async () => {
    const held: RpcCall[] = [];
    const pair = await rpcPair({ Hold: (incoming) => held.push(incoming), Get: echo });
    const client = pair.client();
    const slow = call(client, pair, 'Hold', 'slow');
    await pair.simulation.runFor(100);
    const drained = pair.server.drain();
    await expect(pair.simulation.run(call(client, pair, 'Get', ''))).rejects.toMatchObject({
      code: 'server-stopped',
    });
    held.forEach(echo);
    await pair.simulation.run(drained);
    expect((await pair.simulation.run(slow)).message.toString()).toBe('slow');
  });
});

describe('noise', () => {
  it('of any bytes neither stops the server nor holds memory', async () => {
    const pair = await rpcPair({ Get: echo, Mutate: echo });
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(opening, Buffer.from('Securi'), request(1, 'Get', Buffer.from('x'))),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (bytes) => {
        const raw = await pair.raw();
        raw.send(...bytes);
        raw.connection.end();
        await pair.simulation.runFor(50);
      }),
      { numRuns: 150 },
    );
    const { message } = await pair.simulation.run(call(pair.client(), pair, 'Get', 'alive'));
    expect(message.toString()).toBe('alive');
    expect(pair.server.figures).toMatchObject({ callsUnderWay: 0, requestBytesUnderWay: 0 });
    expect(pair.server.figures.connections).toBe(1);
  });
});
