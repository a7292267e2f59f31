// TCP through node:net, as a Network. Small writes leave at once (no delay): whoever writes often
// joins what belongs together.

import net from 'node:net';
import type { Address, Connection, Listener, Network } from '../network.js';
import { connectionLost, connectTimedOut, listenError } from './network-errors.js';

/** After so long in silence the system asks whether the other side is still there. */
const keepAliveAfterMs = 30_000;

export class NodeNetwork implements Network {
  listen(address: Address, accept: (connection: Connection) => void): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const server = net.createServer({ noDelay: true }, (socket) => {
        accept(new NodeConnection(socket, remoteOf(socket)));
      });
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(address, error)));
      server.listen(address.port, address.host, () => {
        server.removeAllListeners('error');
        // Later errors are failed accepts, such as for want of descriptors: the client tries again.
        server.on('error', () => undefined);
        resolve(new NodeListener(server, address.host));
      });
    });
  }

  connect(address: Address, timeoutMs: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
      const timeout = setTimeout(() => {
        socket.destroy();
        reject(connectTimedOut(address, timeoutMs));
      }, timeoutMs);
      const onError = (error: Error): void => {
        clearTimeout(timeout);
        reject(connectionLost(address, error.message, error));
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        clearTimeout(timeout);
        socket.off('error', onError);
        resolve(new NodeConnection(socket, address));
      });
    });
  }
}

class NodeListener implements Listener {
  readonly address: Address;
  readonly #server: net.Server;

  constructor(server: net.Server, host: string) {
    const bound = server.address();
    this.#server = server;
    this.address = { host, port: typeof bound === 'object' && bound !== null ? bound.port : 0 };
  }

  close(): Promise<void> {
    // Resolves at once: the server's own callback would wait for all open connections.
    this.#server.close();
    return Promise.resolve();
  }
}

class NodeConnection implements Connection {
  readonly remote: Address;
  readonly #socket: net.Socket;
  #error: Error | undefined;
  #isClosed = false;
  #closeHandler: ((error: Error | undefined) => void) | undefined;

  constructor(socket: net.Socket, remote: Address) {
    this.#socket = socket;
    this.remote = remote;
    socket.setKeepAlive(true, keepAliveAfterMs);
    socket.on('error', (error) => {
      this.#error = connectionLost(remote, error.message, error);
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#closeHandler?.(this.#error);
    });
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  onData(handler: (bytes: Buffer) => void): void {
    this.#socket.on('data', handler);
  }

  onClose(handler: (error: Error | undefined) => void): void {
    this.#closeHandler = handler;
    if (this.#isClosed) setImmediate(() => handler(this.#error));
  }

  onDrain(handler: () => void): void {
    this.#socket.on('drain', handler);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function remoteOf(socket: net.Socket): Address {
  return { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}
