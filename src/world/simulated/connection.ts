// One end of a simulated connection. What arrives waits in an inbox, as in the kernel, until the
// process runs and reads; a full inbox stops the sender, whose `queuedBytes` then grows.

import type { CadastreError } from '../../base/errors.js';
import type { Address, Connection } from '../network.js';
import { connectionLost } from '../real/network-errors.js';
import type { SimLife } from './life.js';
import type { PipeItem, SimPipe } from './pipe.js';
import type { SimRandom } from './random.js';

const inboxBytesMax = 256 * 1_024;

export interface ConnectionEndParts {
  readonly life: SimLife;
  readonly node: string;
  readonly remote: Address;
  readonly random: SimRandom;
  /** Makes the way to the other end. */
  readonly pipe: (end: SimConnection) => SimPipe;
}

export class SimConnection implements Connection {
  readonly remote: Address;
  readonly node: string;
  readonly #life: SimLife;
  readonly #random: SimRandom;
  readonly #outgoing: SimPipe;
  readonly #stopWatching: () => void;
  #queuedBytes = 0;
  #inbox: Buffer[] = [];
  #inboxBytes = 0;
  #isPaused = false;
  #hasEnded = false;
  #peerHasEnded = false;
  #closed: { readonly error: CadastreError | undefined } | undefined;
  #isCloseTold = false;
  #onRoom: () => void = () => undefined;
  #dataHandler: ((bytes: Buffer) => void) | undefined;
  #closeHandler: ((error: Error | undefined) => void) | undefined;
  #drainHandler: (() => void) | undefined;

  constructor(parts: ConnectionEndParts) {
    this.remote = parts.remote;
    this.node = parts.node;
    this.#life = parts.life;
    this.#random = parts.random;
    this.#outgoing = parts.pipe(this);
    this.#stopWatching = parts.life.onKill(() => this.#abandon());
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Whether the inbox has no room; `onRoom` is then called when it has. */
  get isFull(): boolean {
    return this.#inboxBytes >= inboxBytesMax;
  }

  onRoom(handler: () => void): void {
    this.#onRoom = handler;
  }

  write(bytes: Uint8Array): void {
    if (this.#life.isKilled || this.#hasEnded || this.isClosed) return;
    const copy = Buffer.from(bytes);
    this.#queuedBytes += copy.length;
    // A stream keeps no borders of writes.
    const split = this.#random.chance(0.1) ? this.#random.below(copy.length) : 0;
    if (split > 0) this.#outgoing.send(copy.subarray(0, split));
    this.#outgoing.send(copy.subarray(split));
  }

  onData(handler: (bytes: Buffer) => void): void {
    this.#dataHandler = handler;
    this.#life.schedule(0, 'reads', () => this.#read());
  }

  onClose(handler: (error: Error | undefined) => void): void {
    this.#closeHandler = handler;
    if (this.isClosed) this.#life.schedule(0, 'is closed', () => this.#tellClosed());
  }

  onDrain(handler: () => void): void {
    this.#drainHandler = handler;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#life.schedule(0, 'reads', () => this.#read());
  }

  end(): void {
    if (this.#life.isKilled || this.#hasEnded || this.isClosed) return;
    this.#hasEnded = true;
    this.#outgoing.send('end');
  }

  destroy(): void {
    if (this.#life.isKilled || this.isClosed) return;
    this.#abandon();
    this.#life.schedule(0, 'is closed', () => this.#tellClosed());
  }

  /** So many of the bytes written here have reached the other end. */
  sent(length: number): void {
    this.#queuedBytes -= length;
    if (this.#queuedBytes === 0) this.#life.enter(() => this.#drainHandler?.());
  }

  receive(item: PipeItem): void {
    if (this.isClosed) return;
    if (item === 'reset') return this.breakOff('closed by the other side');
    if (item === 'end') this.#peerHasEnded = true;
    else {
      this.#inbox.push(item);
      this.#inboxBytes += item.length;
    }
    this.#life.enter(() => this.#read());
  }

  /** Closes at once with an error; nothing more arrives on either side. */
  breakOff(why: string): void {
    this.#outgoing.drop();
    this.#close(connectionLost(this.remote, why));
    this.#life.enter(() => this.#tellClosed());
  }

  resumeSending(): void {
    this.#outgoing.resume();
  }

  /** What the kernel does for a closed socket: what is queued may still go out, or is dropped. */
  #abandon(): void {
    if (this.isClosed) return;
    const isDropped = this.#random.chance(0.5);
    if (isDropped) this.#outgoing.drop();
    if (isDropped || !this.#hasEnded) this.#outgoing.send(isDropped ? 'reset' : 'end');
    this.#close(undefined);
  }

  #read(): void {
    while (!this.#isPaused && !this.isClosed && this.#dataHandler !== undefined) {
      const bytes = this.#takeFromInbox();
      if (bytes === undefined) break;
      this.#dataHandler(bytes);
    }
    const isAllRead = this.#inbox.length === 0 && !this.#isPaused;
    if (!this.#peerHasEnded || !isAllRead || this.isClosed) return;
    // As Node does it without `allowHalfOpen`: the end of the one direction ends the other.
    this.end();
    this.#close(undefined);
    this.#tellClosed();
  }

  #takeFromInbox(): Buffer | undefined {
    const wasFull = this.isFull;
    const bytes =
      this.#inbox.length > 1 && this.#random.chance(0.5)
        ? Buffer.concat(this.#inbox.splice(0))
        : this.#inbox.shift();
    this.#inboxBytes -= bytes?.length ?? 0;
    if (wasFull && !this.isFull) this.#onRoom();
    return bytes;
  }

  #close(error: CadastreError | undefined): void {
    this.#closed ??= { error };
    this.#stopWatching();
    this.#inbox = [];
    this.#inboxBytes = 0;
    // What the other side still sends must not wait behind a full inbox that no one will read.
    this.#onRoom();
  }

  #tellClosed(): void {
    if (this.#closed === undefined || this.#closeHandler === undefined || this.#isCloseTold) return;
    this.#isCloseTold = true;
    this.#closeHandler(this.#closed.error);
  }
}
