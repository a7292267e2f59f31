// One call as the code that answers it sees it, and what a service is.
//
// Invariant: a call is answered exactly once, by `reply` or by `fail`, at any later time and in any
// order. The parameter and the cell block are views on the request: whoever keeps bytes of them past
// the answer copies them.

import type { CadastreError } from '../base/errors.js';
import { asCadastreError } from '../base/errors.js';
import { assert } from '../base/assert.js';
import type { Cell } from '../base/cell.js';
import type { Address } from '../world/network.js';
import type { ByteWriter } from './byte-writer.js';
import type { CellBlockWriter } from './cell-block.js';
import type { CellCodec, ConnectionHeader, RequestHeader } from './headers.js';

/** What is known of a connection for as long as it lives. */
export interface ConnectionInfo extends ConnectionHeader {
  readonly remote: Address;
}

/** Writes `value` as a message. */
export type MessageEncoder<T> = (writer: ByteWriter, value: T, codec: CellCodec) => void;

/** Cells of an answer, or a block of them that is made already. */
export type ReplyCells = readonly Cell[] | CellBlockWriter;

/** Where answers go. */
export interface CallOwner {
  readonly info: ConnectionInfo;
  sendReply<T>(
    call: RpcCall,
    encode: MessageEncoder<T>,
    value: T,
    cells: ReplyCells | undefined,
  ): void;
  sendFailure(call: RpcCall, error: CadastreError): void;
}

export class RpcCall {
  readonly header: RequestHeader;
  /** The request message, empty when none came. */
  readonly parameter: Buffer;
  readonly cellBlock: Buffer | undefined;
  /** Of the monotonic clock, milliseconds. */
  readonly receivedAtMs: number;
  /** Bytes of the whole request, which count against the server's bound until the answer. */
  readonly requestBytes: number;
  readonly #owner: CallOwner;
  #isAnswered = false;

  constructor(
    owner: CallOwner,
    header: RequestHeader,
    parameter: Buffer,
    cellBlock: Buffer | undefined,
    receivedAtMs: number,
    requestBytes: number,
  ) {
    this.#owner = owner;
    this.header = header;
    this.parameter = parameter;
    this.cellBlock = cellBlock;
    this.receivedAtMs = receivedAtMs;
    this.requestBytes = requestBytes;
  }

  get connection(): ConnectionInfo {
    return this.#owner.info;
  }

  /** When the client gives up, on the monotonic clock; infinite if it did not say. */
  get deadlineMs(): number {
    const { timeoutMs } = this.header;
    return timeoutMs === 0 ? Infinity : this.receivedAtMs + timeoutMs;
  }

  /**
   * Answers with a message and, for connections with a codec, cells in a block. The message is
   * encoded and the cells are copied before this returns (a block is taken as it is). Takes a function and its value, rather
   * than a closure, because it is called for every request.
   */
  reply<T>(encode: MessageEncoder<T>, value: T, cells?: ReplyCells): void {
    this.#answerOnce();
    this.#owner.sendReply(this, encode, value, cells);
  }

  /** Answers with an exception. */
  fail(error: unknown): void {
    this.#answerOnce();
    this.#owner.sendFailure(this, asCadastreError(error));
  }

  #answerOnce(): void {
    assert(!this.#isAnswered, `call ${this.header.callId} is answered once`);
    this.#isAnswered = true;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }
}

/** Answers a call, at once or later. What it throws before the answer is the answer. */
export type RpcMethod = (call: RpcCall) => void;

export interface RpcService {
  /** As clients name it in their connection header. */
  readonly name: string;
  readonly methods: ReadonlyMap<string, RpcMethod>;
}
