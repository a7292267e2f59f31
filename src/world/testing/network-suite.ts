// The conformance suite of Network.

import { describe, expect, it } from 'vitest';
import type { Address, Connection, Network } from '../network.js';

export interface NetworkUnderTest {
  readonly server: Network;
  readonly client: Network;
  /** The host that the server listens on. */
  readonly host: string;
  readonly drive: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Both ends of a new connection, and the listener's address. */
interface Joined {
  readonly near: Connection;
  readonly far: Connection;
  readonly address: Address;
}

type Proves = (sentence: string, work: (network: NetworkUnderTest) => Promise<void>) => void;

/** Declares the tests; `open` gives a network on which nothing listens yet. */
export function networkSuite(name: string, open: () => NetworkUnderTest): void {
  const proves: Proves = (sentence, work) => {
    it(sentence, async () => {
      const network = open();
      await network.drive(() => work(network));
    });
  };
  describe(name, () => {
    connecting(proves);
    streaming(proves);
    closing(proves);
  });
}

function connecting(proves: Proves): void {
  proves('port 0 is a free one, which the listener then has', async ({ server, host }) => {
    const one = await server.listen({ host, port: 0 }, () => undefined);
    const two = await server.listen({ host, port: 0 }, () => undefined);
    expect(one.address.port).toBeGreaterThan(0);
    expect(two.address.port).not.toBe(one.address.port);
    await one.close();
    await two.close();
  });

  proves('a taken port is named, with what to do', async ({ server, host }) => {
    const { address, close } = await listening(server, host);
    const error = await server.listen(address, () => undefined).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'port-taken', kind: 'fix-request' });
    expect(String(error)).toContain(String(address.port));
    expect((error as { readonly nextStep: string }).nextStep).toContain('port');
    await close();
    await (await server.listen(address, () => undefined)).close();
  });

  proves('a port on which no one listens refuses', async ({ server, client, host }) => {
    const { address, close } = await listening(server, host);
    await close();
    await expect(client.connect(address, 1_000)).rejects.toMatchObject({
      code: 'connection-lost',
      kind: 'retry',
    });
  });
}

function streaming(proves: Proves): void {
  proves('bytes arrive in order, whatever their borders', async (network) => {
    const { near, far } = await join(network);
    const sent = Array.from({ length: 300 }, (_, index) =>
      Buffer.alloc((index * 7) % 2_000, index),
    );
    const expected = Buffer.concat(sent);
    const received = receive(near, expected.length);
    for (const bytes of sent) far.write(bytes);
    expect((await received).equals(expected)).toBe(true);
    near.destroy();
  });

  proves('a paused reader stops the writer, whose queue drains afterwards', async (network) => {
    const { near, far } = await join(network);
    const total = 8 * 1_024 * 1_024;
    near.pause();
    const received = receive(near, total);
    const drained = new Promise<void>((resolve) => far.onDrain(resolve));
    for (let count = 0; count < 128; count++) far.write(Buffer.alloc(total / 128, count));
    expect(far.queuedBytes).toBeGreaterThan(0);
    near.resume();
    const bytes = await received;
    expect(bytes[total - 1]).toBe(127);
    await drained;
    expect(far.queuedBytes).toBe(0);
    near.destroy();
  });
}

function closing(proves: Proves): void {
  proves('an end comes after the bytes, and closes both sides in order', async (network) => {
    const { near, far } = await join(network);
    const nearClosed = closed(near);
    const farClosed = closed(far);
    const received = receive(near, 100_000);
    far.onData(() => undefined);
    far.write(Buffer.alloc(100_000));
    far.end();
    far.write(Buffer.from('too late'));
    expect(await received).toHaveLength(100_000);
    expect(await nearClosed).toBeUndefined();
    expect(await farClosed).toBeUndefined();
  });

  proves('a destroyed connection is closed for both, and told once to each', async (network) => {
    const { near, far } = await join(network);
    let timesTold = 0;
    near.onData(() => undefined);
    near.onClose(() => timesTold++);
    const farClosed = closed(far);
    far.onData(() => undefined);
    near.destroy();
    near.destroy();
    near.write(Buffer.from('ignored'));
    near.end();
    await farClosed;
    expect(timesTold).toBe(1);
  });

  proves('who asks after the close is told too', async (network) => {
    const { near, far } = await join(network);
    const nearClosed = closed(near);
    near.onData(() => undefined);
    far.destroy();
    await nearClosed;
    await closed(far);
  });

  proves('a closed listener leaves its connections open', async (network) => {
    const accepted: Connection[] = [];
    const { server, client, host } = network;
    const listener = await server.listen({ host, port: 0 }, (far) => {
      accepted.push(far);
      far.onData((bytes) => far.write(bytes));
    });
    const near = await client.connect(listener.address, 1_000);
    const first = receive(near, 4);
    near.write(Buffer.from('once'));
    await first;
    await listener.close();
    const second = receive(near, 5);
    near.write(Buffer.from('twice'));
    expect((await second).toString()).toBe('twice');
    near.destroy();
    expect(accepted).toHaveLength(1);
  });
}

async function listening(
  server: Network,
  host: string,
): Promise<{ readonly address: Address; readonly close: () => Promise<void> }> {
  const listener = await server.listen({ host, port: 0 }, () => undefined);
  return { address: listener.address, close: () => listener.close() };
}

async function join({ server, client, host }: NetworkUnderTest): Promise<Joined> {
  let accept: (far: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await server.listen({ host, port: 0 }, (far) => accept(far));
  const near = await client.connect(listener.address, 1_000);
  const far = await accepted;
  await listener.close();
  return { near, far, address: listener.address };
}

function receive(connection: Connection, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let received = 0;
    connection.onData((bytes) => {
      parts.push(Buffer.from(bytes));
      received += bytes.length;
      if (received >= length) resolve(Buffer.concat(parts));
    });
  });
}

function closed(connection: Connection): Promise<Error | undefined> {
  return new Promise((resolve) => connection.onClose(resolve));
}
