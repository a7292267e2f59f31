// One connection of a client: many calls under way at once, answered in any order.
//
// Invariants:
// 1. Every call ends exactly once: with its answer, its time-out, or the loss of the connection.
// 2. An error says whether the server can have seen the call: `delivered` in its details is `no` only
//    if not a byte of it left this process.
// 3. Answers to calls that ended already are dropped.

import { fromBinary } from '@bufbuild/protobuf';
import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Cell } from '../base/cell.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Address, Connection, Network } from '../world/network.js';
import { cellBlockLength } from './cell-block.js';
import { fromException } from './exceptions.js';
import type { ReceivedException } from './exceptions.js';
import { FrameAssembler } from './frame-assembler.js';
import { ExceptionResponseSchema } from './generated/hbase/rpc_pb.js';
import { encodeConnectionOpening, encodeRequestHeader, noCallId } from './headers.js';
import type { CellCodec } from './headers.js';
import { wireLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { ProtoReader } from './proto-reader.js';
import type { MessageEncoder } from './rpc-call.js';

export interface RpcReply {
  /** The response message. */
  readonly message: Buffer;
  readonly cellBlock: Buffer | undefined;
}

/** Called once. Exactly one of the two is given. */
export type ReplyHandler = (error: CadastreError | undefined, reply: RpcReply | undefined) => void;

export interface CallRequest<T> {
  readonly method: string;
  readonly encode: MessageEncoder<T>;
  readonly value: T;
  readonly timeoutMs: number;
  /** HBase's levels: 0 normal, 200 for system tables. */
  readonly priority?: number;
  /** Sent in a cell block; an empty list announces a block of length 0, as HBase's clients do. */
  readonly cells?: readonly Cell[];
}

/** What connections of one client share. */
export interface ConnectionOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly user: string;
  readonly softwareVersion: string;
  readonly codec: CellCodec;
  readonly connectTimeoutMs: number;
  readonly idleMs: number;
}

interface PendingCall {
  readonly method: string;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly done: ReplyHandler;
}

export class ClientConnection {
  readonly #options: ConnectionOptions;
  readonly #address: Address;
  readonly #serviceName: string;
  readonly #scheduleFlush: (connection: ClientConnection) => void;
  readonly #onEnd: () => void;
  readonly #outbox = new Outbox();
  readonly #calls = new Map<number, PendingCall>();
  #connection: Connection | undefined;
  #isOver = false;
  #lastUsedMs: number;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  isFlushScheduled = false;

  constructor(
    options: ConnectionOptions,
    target: { readonly address: Address; readonly serviceName: string },
    events: {
      readonly scheduleFlush: (connection: ClientConnection) => void;
      readonly onEnd: () => void;
    },
  ) {
    this.#options = options;
    this.#address = target.address;
    this.#serviceName = target.serviceName;
    this.#scheduleFlush = events.scheduleFlush;
    this.#onEnd = events.onEnd;
    this.#lastUsedMs = options.clock.monotonic();
    this.#connect().catch((error: unknown) => this.#end(asCadastreError(error)));
  }

  get callsUnderWay(): number {
    return this.#calls.size;
  }

  send<T>(callId: number, request: CallRequest<T>, done: ReplyHandler): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      done(refusal, undefined);
      return;
    }
    try {
      this.#write(callId, request);
    } catch (error) {
      done(asCadastreError(error), undefined);
      return;
    }
    const now = this.#options.clock.monotonic();
    const { method, timeoutMs } = request;
    const deadlineMs = now + timeoutMs;
    this.#lastUsedMs = now;
    this.#calls.set(callId, { method, timeoutMs, deadlineMs, done });
    this.#wakeAt(deadlineMs, now);
    if (this.#connection !== undefined) this.#scheduleFlush(this);
  }

  flush(): void {
    if (!this.#isOver) this.#outbox.flush();
  }

  /** Closes; calls under way fail. */
  close(): void {
    this.#end(new CadastreError('connection-lost', `the connection to ${this.#name} was closed`));
  }

  get #name(): string {
    return `${this.#serviceName} at ${this.#address.host}:${this.#address.port}`;
  }

  #refusal(): CadastreError | undefined {
    const details = { delivered: 'no' };
    if (this.#isOver) {
      return new CadastreError('connection-lost', `no connection to ${this.#name}`, { details });
    }
    if (
      this.#calls.size < wireLimits.clientCallsMax &&
      this.#outbox.queuedBytes < wireLimits.clientOutboxBytesMax
    ) {
      return undefined;
    }
    const text = `${this.#calls.size} calls to ${this.#name} are under way already`;
    return new CadastreError('call-queue-too-big', text, { details });
  }

  async #connect(): Promise<void> {
    const { network, connectTimeoutMs, user, codec, softwareVersion } = this.#options;
    const connection = await network.connect(this.#address, connectTimeoutMs);
    if (this.#isOver) {
      connection.destroy();
      return;
    }
    const frames = new FrameAssembler(wireLimits.frameBytesMax, {
      frame: (bytes) => this.#onFrame(bytes),
      oversize: (length) => this.#lose(`it sent a frame of ${length} bytes`),
    });
    connection.onData((bytes) => {
      if (!this.#isOver) frames.push(bytes);
    });
    connection.onDrain(() => undefined);
    connection.onClose((error) => this.#lose(error?.message ?? 'the server closed it'));
    this.#connection = connection;
    const serviceName = this.#serviceName;
    connection.write(encodeConnectionOpening({ serviceName, user, codec, softwareVersion }));
    this.#outbox.attach(connection);
    this.#scheduleFlush(this);
  }

  #write<T>(callId: number, request: CallRequest<T>): void {
    const { method, encode, value, cells, priority = 0 } = request;
    const timeoutMs = Math.min(Math.ceil(request.timeoutMs), 0x7fffffff);
    const { codec } = this.#options;
    const outbox = this.#outbox;
    const { writer } = outbox;
    const withTags = codec === 'key-value-with-tags';
    const blockLength = cells === undefined ? undefined : cellBlockLength(cells, withTags);
    const frame = outbox.beginFrame((blockLength ?? 0) + 512);
    try {
      encodeRequestHeader(writer, {
        callId,
        methodName: method,
        hasParameter: true,
        cellBlockLength: blockLength,
        priority,
        timeoutMs,
      });
      const message = writer.beginDelimited();
      encode(writer, value, codec);
      writer.end(message);
      for (const cell of cells ?? []) writer.blockCell(cell, withTags);
      const length = writer.length - frame;
      if (length > wireLimits.frameBytesMax) throw tooBig(length);
    } catch (error) {
      outbox.dropFrame(frame);
      throw error;
    }
    outbox.endFrame(frame);
  }

  #onFrame(frame: Buffer): boolean {
    try {
      this.#onReply(frame);
    } catch (error) {
      this.#lose(asCadastreError(error).message);
    }
    return !this.#isOver;
  }

  #onReply(frame: Buffer): void {
    const reader = new ProtoReader(frame);
    const { callId, exception, cellBlockLength } = decodeResponseHeader(reader);
    if (exception !== undefined && callId === noCallId) {
      this.#end(fromException(exception));
      return;
    }
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    if (exception !== undefined) {
      this.#calls.delete(callId);
      call.done(fromException(exception), undefined);
      return;
    }
    const outer = reader.enter();
    const message = frame.subarray(reader.at, reader.end);
    reader.leave(outer);
    const left = frame.length - reader.at;
    if (left < cellBlockLength) throw new CadastreError('bad-request', 'a cell block is cut off');
    const end = reader.at + cellBlockLength;
    const cellBlock = cellBlockLength === 0 ? undefined : frame.subarray(reader.at, end);
    this.#calls.delete(callId);
    call.done(undefined, { message, cellBlock });
  }

  /** Looks after deadlines and idleness no later than `atMs`. */
  #wakeAt(atMs: number, nowMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#options.clock.timer(Math.max(0, atMs - nowMs), () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timerAtMs = Infinity;
    const { clock, idleMs } = this.#options;
    const now = clock.monotonic();
    let next = Infinity;
    for (const [callId, call] of this.#calls) {
      if (call.deadlineMs > now) next = Math.min(next, call.deadlineMs);
      else {
        this.#calls.delete(callId);
        call.done(this.#timedOut(call), undefined);
      }
    }
    if (this.#isOver) return;
    if (this.#calls.size > 0) this.#wakeAt(next, now);
    else if (now - this.#lastUsedMs >= idleMs) this.close();
    else this.#wakeAt(this.#lastUsedMs + idleMs, now);
  }

  #timedOut(call: PendingCall): CadastreError {
    const delivered = this.#connection === undefined ? 'no' : 'unknown';
    return new CadastreError(
      'timed-out',
      `${call.method} of ${this.#name} was not answered in ${call.timeoutMs} ms`,
      { details: { delivered } },
    );
  }

  #lose(why: string): void {
    this.#end(new CadastreError('connection-lost', `lost the connection to ${this.#name}: ${why}`));
  }

  #end(error: CadastreError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#connection?.destroy();
    this.#onEnd();
    const delivered = this.#connection === undefined ? 'no' : 'unknown';
    const { code, message, nextStep, cause } = error;
    const details = { ...error.details, delivered };
    const told = new CadastreError(code, message, {
      details,
      cause,
      ...(nextStep === undefined ? {} : { nextStep }),
    });
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.done(told, undefined);
  }
}

function tooBig(length: number): CadastreError {
  const limit = wireLimits.frameBytesMax;
  return new CadastreError(
    'request-too-big',
    `the request has ${length} bytes, above the limit of ${limit}`,
    { nextStep: 'Send smaller batches or smaller values.', details: { delivered: 'no' } },
  );
}

interface ResponseHeader {
  readonly callId: number;
  readonly exception: ReceivedException | undefined;
  readonly cellBlockLength: number;
}

function decodeResponseHeader(reader: ProtoReader): ResponseHeader {
  const outer = reader.enter();
  let callId = noCallId;
  let exception: ReceivedException | undefined;
  let cellBlockLength = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) callId = reader.varint32();
    else if (tag === 18) exception = decodeException(reader.bytes());
    else if (tag === 26) {
      const inner = reader.enter();
      while (!reader.isDone) {
        const innerTag = reader.tag();
        if (innerTag === 8) cellBlockLength = reader.varint32();
        else reader.skip(innerTag);
      }
      reader.leave(inner);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return { callId, exception, cellBlockLength };
}

function decodeException(bytes: Buffer): ReceivedException {
  const message = fromBinary(ExceptionResponseSchema, bytes);
  return {
    className: message.exceptionClassName,
    text: message.stackTrace,
    doNotRetry: message.doNotRetry,
    detail: message.cadastreError,
  };
}
