// What one connection has to send, gathered while a turn of the event loop lasts.
//
// Replies are written one behind the other into shared chunks and handed to the network together, in
// the order in which they were written. Nothing is handed over before `flush`: the server may still
// decide not to send what was written in this turn (L3), and a client may not be connected yet.

import type { Connection } from '../world/network.js';
import { ByteWriter } from './byte-writer.js';
import { wireLimits } from './limits.js';

export class Outbox {
  readonly writer = new ByteWriter(wireLimits.chunkBytes);
  #connection: Connection | undefined;
  #full: Buffer[] = [];
  #fullBytes = 0;

  /** From now on `flush` sends. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  /** Bytes written here and not yet taken by the network. */
  get queuedBytes(): number {
    return this.#fullBytes + this.writer.length + (this.#connection?.queuedBytes ?? 0);
  }

  /** Starts a frame of about `bytes`, so that growing does not copy the frames before it. */
  beginFrame(bytes: number): number {
    const { writer } = this;
    if (writer.length > 0 && writer.at + bytes > writer.buffer.length)
      this.#setAside(writer.take());
    writer.reserve(Math.max(bytes, 64));
    writer.uint32(0);
    return writer.length;
  }

  /** Completes the frame that `beginFrame` started. */
  endFrame(mark: number): void {
    this.writer.setUint32(mark - 4, this.writer.length - mark);
  }

  /** As `endFrame`, with more bytes at its end, which go out as they are. */
  endFrameWith(mark: number, pieces: readonly Buffer[]): void {
    const { writer } = this;
    let bytes = writer.length - mark;
    for (const piece of pieces) bytes += piece.length;
    writer.setUint32(mark - 4, bytes);
    this.#setAside(writer.take());
    for (const piece of pieces) this.#setAside(piece);
  }

  /** Takes back a frame whose writing failed half-way. */
  dropFrame(mark: number): void {
    this.writer.at = this.writer.start + mark - 4;
  }

  /** A whole frame, made elsewhere. */
  frame(bytes: Buffer): void {
    this.writer.bytes(bytes);
  }

  /** Hands everything to the network, if there is a connection. */
  flush(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const full = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    for (const bytes of full) connection.write(bytes);
    if (this.writer.length > 0) connection.write(this.writer.take());
  }

  #setAside(bytes: Buffer): void {
    this.#full.push(bytes);
    this.#fullBytes += bytes.length;
  }
}
