// One client's connection, on the server's side: preamble, header, then calls.
//
//   preamble ──"Regist"──> cluster id, closed      ──anything else──> an exception, closed
//      │ "HBas" 0 80          "Securi" ──> an exception, and a preamble once more
//   header ──unknown service or codec, garbage──> closed without a word, as HBase does
//      │
//   calls ──garbage──> closed
//
// Invariants:
// 1. Reading stops while the client does not take its answers, or has too many calls under way.
// 2. An answer to a connection that is gone is dropped; its call still counts until it is answered.

import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Connection } from '../world/network.js';
import { CellBlockWriter, cellBlockLength } from './cell-block.js';
import { exceptionFrame, noCallId, registryFrame } from './headers.js';
import {
  classifyPreamble,
  decodeConnectionHeader,
  decodeRequestHeader,
  encodeResponseHeader,
  preambleBytes,
} from './headers.js';
import type { RequestHeader } from './headers.js';
import { FrameAssembler } from './frame-assembler.js';
import { toExceptionResponse } from './exceptions.js';
import { wireLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { ProtoReader } from './proto-reader.js';
import { RpcCall } from './rpc-call.js';
import type {
  CallOwner,
  ConnectionInfo,
  MessageEncoder,
  ReplyCells,
  RpcService,
} from './rpc-call.js';

/** What the connection needs of its server. */
export interface ConnectionHost {
  readonly frameBytesMax: number;
  /** For the registry preamble; undefined while unknown. */
  clusterId(): string | undefined;
  service(name: string): RpcService | undefined;
  now(): number;
  /** Counts a call; the error says why it is refused instead. */
  admit(requestBytes: number): CadastreError | undefined;
  /** Counts it no more. */
  release(requestBytes: number): void;
  /** Asks for `flush` at the end of this turn. */
  scheduleFlush(connection: ServerConnection): void;
  refused(connection: ServerConnection, why: string): void;
  closed(connection: ServerConnection): void;
}

const fatal = 'org.apache.hadoop.hbase.ipc.';

export class ServerConnection implements CallOwner {
  readonly #connection: Connection;
  readonly #host: ConnectionHost;
  readonly #outbox = new Outbox();
  readonly #frames: FrameAssembler;
  #preamble: Buffer | undefined = Buffer.alloc(0);
  #service: RpcService | undefined;
  #info: ConnectionInfo | undefined;
  #calls = 0;
  #isPaused = false;
  #isClosed = false;
  #isEnding = false;
  #hasAskedForSecurity = false;
  /** Whether the server has it on its list for the end of this turn. */
  isFlushScheduled = false;

  constructor(connection: Connection, host: ConnectionHost) {
    this.#connection = connection;
    this.#host = host;
    this.#outbox.attach(connection);
    this.#frames = new FrameAssembler(wireLimits.connectionHeaderBytesMax, {
      frame: (bytes) => this.#onFrame(bytes),
      oversize: (length, head) => this.#onOversize(length, head),
    });
    connection.onData((bytes) => this.#onData(bytes));
    connection.onDrain(() => this.#resumeIfRelieved());
    connection.onClose(() => this.#onClose());
  }

  get info(): ConnectionInfo {
    if (this.#info !== undefined) return this.#info;
    throw new CadastreError('internal', 'a connection without a header has no calls');
  }
  get remoteText(): string {
    const { host, port } = this.#connection.remote;
    return `${host}:${port}`;
  }

  sendReply<T>(
    call: RpcCall,
    encode: MessageEncoder<T>,
    value: T,
    cells: ReplyCells | undefined,
  ): void {
    if (!this.#isClosed) {
      try {
        this.#writeReply(call.header.callId, encode, value, cells);
      } catch (error) {
        this.#outbox.frame(this.#failureFrame(call.header.callId, asCadastreError(error)));
      }
      this.#host.scheduleFlush(this);
    }
    this.#release(call);
  }

  sendFailure(call: RpcCall, error: CadastreError): void {
    this.#fail(call.header.callId, error);
    this.#release(call);
  }

  /** Hands what this turn wrote to the network. */
  flush(): void {
    if (this.#isClosed) return;
    this.#outbox.flush();
    if (this.#isEnding) {
      this.#isClosed = true;
      this.#connection.end();
    } else {
      this.#pauseIfPressed();
      this.#resumeIfRelieved();
    }
  }

  destroy(): void {
    this.#isClosed = true;
    this.#frames.close();
    this.#connection.destroy();
  }

  /** Reads no more; closes once this turn's answers are sent. */
  #end(): void {
    this.#isEnding = true;
    this.#frames.close();
    this.#host.scheduleFlush(this);
  }

  #onData(bytes: Buffer): void {
    if (this.#isClosed || this.#isEnding) return;
    if (this.#preamble === undefined) this.#frames.push(bytes);
    else this.#readPreamble(this.#preamble, bytes);
  }

  #readPreamble(held: Buffer, bytes: Buffer): void {
    const wanted = preambleBytes - held.length;
    const preamble = Buffer.concat([held, bytes.subarray(0, wanted)]);
    this.#preamble = preamble;
    if (preamble.length < preambleBytes) return;
    if (this.#onPreamble(preamble)) {
      const rest = bytes.subarray(wanted);
      if (rest.length > 0) this.#onData(rest);
    }
  }

  /** Returns whether the stream goes on. */
  #onPreamble(preamble: Buffer): boolean {
    switch (classifyPreamble(preamble)) {
      case 'ordinary':
        this.#preamble = undefined;
        return true;
      case 'security':
        // Once: a stream of them would be answered without end.
        if (this.#hasAskedForSecurity) break;
        this.#hasAskedForSecurity = true;
        this.#preamble = Buffer.alloc(0);
        this.#answerNoCall('SecurityNotEnabledException', 'security is not enabled', false);
        return true;
      case 'registry':
        this.#answerRegistry();
        return false;
      case 'bad-version':
        return this.#refusePreamble(
          'WrongVersionException',
          `version ${preamble[4]} of the protocol is not spoken here, only version 0`,
        );
      case 'bad-auth':
        return this.#refusePreamble(
          'BadAuthException',
          `authentication ${preamble[5]} is not offered here, only 80 (simple)`,
        );
      case 'unknown':
        break;
    }
    // Clients from 2.6 on take exactly this text for "a server without the registry preamble".
    const received = preamble.toString('latin1', 0, 4);
    return this.#refusePreamble(
      'FatalConnectionException',
      `Expected HEADER=HBas but received HEADER=${received} from ${this.remoteText}`,
    );
  }

  #answerRegistry(): void {
    const clusterId = this.#host.clusterId();
    if (clusterId === undefined) {
      this.#answerNoCall(
        'ServerNotRunningYetException',
        'the cluster id is not known yet: the server is starting',
        false,
      );
    } else this.#outbox.frame(registryFrame(clusterId));
    this.#end();
  }

  #refusePreamble(exception: string, text: string): false {
    this.#answerNoCall(exception, text, true);
    this.#host.refused(this, text);
    this.#end();
    return false;
  }

  #answerNoCall(exception: string, text: string, doNotRetry: boolean): void {
    const exceptionClassName = `${fatal}${exception}`;
    const stackTrace = `${exceptionClassName}: ${text}`;
    this.#outbox.frame(exceptionFrame(noCallId, { exceptionClassName, stackTrace, doNotRetry }));
    this.#host.scheduleFlush(this);
  }

  /** Returns whether more frames are wanted now. */
  #onFrame(frame: Buffer): boolean {
    if (this.#isClosed) return false;
    try {
      if (this.#service === undefined) this.#onHeader(frame);
      else this.#onRequest(this.#service, frame);
    } catch (error) {
      this.#refuse(asCadastreError(error).message);
      return false;
    }
    this.#pauseIfPressed();
    return !this.#isPaused;
  }

  #onHeader(frame: Buffer): void {
    const header = decodeConnectionHeader(frame);
    const service = this.#host.service(header.serviceName);
    if (service === undefined) {
      throw new CadastreError('bad-request', `there is no service '${header.serviceName}'`);
    }
    this.#info = { ...header, remote: this.#connection.remote };
    this.#service = service;
    this.#frames.bytesMax = this.#host.frameBytesMax;
    this.#frames.headBytes = wireLimits.requestHeaderBytesMax;
  }

  #onRequest(service: RpcService, frame: Buffer): void {
    const reader = new ProtoReader(frame);
    const header = decodeRequestHeader(reader);
    let call: RpcCall;
    try {
      call = this.#callOf(frame, reader, header);
    } catch (error) {
      this.#fail(header.callId, asCadastreError(error));
      return;
    }
    const refusal = this.#host.admit(frame.length);
    if (refusal !== undefined) {
      this.#fail(header.callId, refusal);
      return;
    }
    this.#calls++;
    const method = service.methods.get(header.methodName);
    try {
      if (method === undefined) throw unknownMethod(service, header.methodName);
      method(call);
    } catch (error) {
      if (call.isAnswered) throw error;
      call.fail(error);
    }
  }

  #callOf(frame: Buffer, reader: ProtoReader, header: RequestHeader): RpcCall {
    if (!header.hasParameter) throw new CadastreError('bad-request', 'the call has no parameter');
    const outer = reader.enter();
    const parameter = frame.subarray(reader.at, reader.end);
    reader.leave(outer);
    const { cellBlockLength } = header;
    const left = frame.length - reader.at;
    if (left !== (cellBlockLength ?? 0)) {
      throw new CadastreError(
        'bad-request',
        `a cell block of ${cellBlockLength ?? 0} bytes is announced and ${left} bytes are there`,
      );
    }
    const block = cellBlockLength === undefined ? undefined : frame.subarray(reader.at);
    return new RpcCall(this, header, parameter, block, this.#host.now(), frame.length);
  }

  /** The head is enough to say which call it was; the rest is not read, so the connection ends. */
  #onOversize(length: number, head: Buffer): void {
    const why = `a frame of ${length} bytes is above the limit of ${this.#frames.bytesMax}`;
    if (this.#service === undefined) {
      this.#refuse(why);
      return;
    }
    try {
      const { callId } = decodeRequestHeader(new ProtoReader(head));
      const nextStep = 'Send smaller batches or smaller values.';
      this.#fail(callId, new CadastreError('request-too-big', why, { nextStep }));
    } catch {
      // Garbage that looked like a length: there is no call to answer.
    }
    this.#host.refused(this, why);
    this.#end();
  }

  #writeReply<T>(
    callId: number,
    encode: MessageEncoder<T>,
    value: T,
    cells: ReplyCells | undefined,
  ): void {
    const { codec } = this.info;
    const withTags = codec === 'key-value-with-tags';
    const blockLength = codec === 'none' ? 0 : replyCellsLength(cells, withTags);
    const isBlock = cells instanceof CellBlockWriter;
    const outbox = this.#outbox;
    const frame = outbox.beginFrame((isBlock ? 0 : blockLength) + 256);
    const { writer } = outbox;
    try {
      encodeResponseHeader(writer, callId, blockLength);
      const message = writer.beginDelimited();
      encode(writer, value, codec);
      writer.end(message);
      if (blockLength > 0 && cells !== undefined && !isBlock) {
        writer.reserve(blockLength);
        for (const cell of cells) writer.blockCell(cell, withTags);
      }
    } catch (error) {
      outbox.dropFrame(frame);
      throw error;
    }
    if (isBlock && blockLength > 0) outbox.endFrameWith(frame, cells.pieces);
    else outbox.endFrame(frame);
  }

  #fail(callId: number, error: CadastreError): void {
    if (this.#isClosed) return;
    this.#outbox.frame(this.#failureFrame(callId, error));
    this.#host.scheduleFlush(this);
  }

  #failureFrame(callId: number, error: CadastreError): Buffer {
    return exceptionFrame(callId, toExceptionResponse(error, this.#info?.version));
  }

  #release(call: RpcCall): void {
    this.#calls--;
    this.#host.release(call.requestBytes);
    if (this.#isPaused) this.#resumeIfRelieved();
  }

  #refuse(why: string): void {
    this.#host.refused(this, why);
    this.destroy();
  }

  #pauseIfPressed(): void {
    if (this.#isPaused || !this.#isPressed()) return;
    this.#isPaused = true;
    this.#connection.pause();
  }

  #isPressed(): boolean {
    return (
      this.#outbox.queuedBytes > wireLimits.outboxBytesMax ||
      this.#calls >= wireLimits.connectionCallsMax
    );
  }

  #resumeIfRelieved(): void {
    if (!this.#isPaused || this.#isClosed || this.#isPressed()) return;
    this.#isPaused = false;
    this.#connection.resume();
    this.#frames.resume();
  }

  #onClose(): void {
    this.#isClosed = true;
    this.#frames.close();
    this.#host.closed(this);
  }
}

function replyCellsLength(cells: ReplyCells | undefined, withTags: boolean): number {
  if (cells === undefined) return 0;
  return cells instanceof CellBlockWriter ? cells.length : cellBlockLength(cells, withTags);
}

function unknownMethod(service: RpcService, method: string): CadastreError {
  return new CadastreError('unknown-method', `${service.name} has no method '${method}'`);
}
