// Writes procedures' rows: the same bytes that the generated protobuf code would give (a property
// holds it to that), at a tenth of its cost, because every step of every procedure writes one.
//
// Invariant: `encode` returns a window on a buffer that the next call writes over.

import type { CadastreError } from '../base/errors.js';
import { errorTextMax } from './limits.js';
import type { ProcedureRecord, Status, StoredReply, StoredWait } from './record.js';
import { formatVersion, lockKindNumbers, phaseNumbers, priorityNumbers } from './record-numbers.js';

const initialBytes = 4_096;
/** UTF-8 needs at most so many bytes for a UTF-16 unit. */
const bytesPerUnit = 3;

const varintWire = 0;
const doubleWire = 1;
const bytesWire = 2;

export class RecordEncoder {
  #buffer = Buffer.allocUnsafe(initialBytes);
  #at = 0;

  /** u16 format version, then the protobuf message. The window is valid until the next call. */
  encode(record: ProcedureRecord): Uint8Array {
    this.#at = 0;
    this.#byte(0);
    this.#byte(formatVersion);
    this.#text(1, record.type);
    this.#number(2, record.version);
    this.#double(3, record.parent ?? 0);
    this.#text(4, record.owner);
    this.#text(5, record.nonce);
    this.#number(6, phaseNumbers[record.phase]);
    this.#text(7, record.step);
    this.#bytes(8, record.input);
    this.#bytes(9, record.state);
    for (const step of record.executed) this.#textAlways(10, step);
    this.#status(record.status);
    for (const { kind, name, mode } of record.locks) {
      const lock = this.#begin(14);
      this.#number(1, lockKindNumbers[kind]);
      this.#text(2, name);
      this.#flag(3, mode === 'exclusive');
      this.#finish(lock);
    }
    this.#flag(15, record.holdsLocks);
    this.#flag(16, record.isPastPointOfNoReturn);
    if (record.error !== undefined) this.#error(17, record.error, record.errorOrigin);
    this.#bytes(18, record.result);
    this.#flag(19, record.isPaused);
    this.#flag(20, record.isCancelRequested);
    this.#number(21, priorityNumbers[record.priority]);
    this.#double(22, record.submittedAt);
    this.#double(23, record.stepSince);
    this.#double(24, record.endedAt);
    for (const { step, isUndo, startedAt, endedAt } of record.history) {
      const timing = this.#begin(25);
      this.#text(1, step);
      this.#flag(2, isUndo);
      this.#double(3, startedAt);
      this.#double(4, endedAt);
      this.#finish(timing);
    }
    this.#number(26, record.childrenStarted);
    this.#number(27, record.childrenFailed);
    return this.#buffer.subarray(0, this.#at);
  }

  #status(status: Status): void {
    switch (status.kind) {
      case 'ready': {
        const ready = this.#begin(11);
        if (status.reply !== undefined) this.#reply(status.reply);
        this.#finish(ready);
        return;
      }
      case 'wait': {
        const wait = this.#begin(12);
        this.#wait(status.on);
        this.#finish(wait);
        return;
      }
      case 'children': {
        const children = this.#begin(13);
        this.#number(1, status.atMost);
        if (status.failedBefore !== undefined) this.#numberAlways(2, status.failedBefore);
        this.#finish(children);
        return;
      }
      case 'ended':
    }
  }

  #reply(reply: StoredReply): void {
    const message = this.#begin(1);
    switch (reply.kind) {
      case 'remote':
        this.#bytesAlways(1, reply.body);
        break;
      case 'remote-failed': {
        const failure = this.#begin(2);
        this.#error(1, reply.error, '');
        this.#flag(2, reply.delivered === 'executed');
        this.#finish(failure);
        break;
      }
      case 'report': {
        const report = this.#begin(3);
        this.#text(1, reply.key);
        this.#bytes(2, reply.payload);
        this.#finish(report);
        break;
      }
    }
    this.#finish(message);
  }

  #wait({ remote, report, event, timeoutMs }: StoredWait): void {
    if (remote !== undefined) {
      const message = this.#begin(1);
      this.#double(1, remote.server);
      this.#double(2, remote.number);
      this.#text(3, remote.kind);
      this.#bytes(4, remote.body);
      this.#finish(message);
    }
    if (report !== undefined) this.#textAlways(2, report);
    if (event !== undefined) this.#textAlways(3, event);
    if (timeoutMs !== undefined) this.#doubleAlways(4, timeoutMs);
  }

  #error(field: number, { code, message, nextStep }: CadastreError, origin: string): void {
    const error = this.#begin(field);
    this.#text(1, code);
    this.#text(2, message.slice(0, errorTextMax));
    this.#text(3, (nextStep ?? '').slice(0, errorTextMax));
    this.#text(4, origin);
    this.#finish(error);
  }

  // Fields: what is zero or empty is left out, except where presence means something.

  #number(field: number, value: number): void {
    if (value !== 0) this.#numberAlways(field, value);
  }

  #numberAlways(field: number, value: number): void {
    this.#tag(field, varintWire);
    this.#varint(value);
  }

  #flag(field: number, value: boolean): void {
    if (value) this.#numberAlways(field, 1);
  }

  #double(field: number, value: number): void {
    if (value !== 0) this.#doubleAlways(field, value);
  }

  #doubleAlways(field: number, value: number): void {
    this.#tag(field, doubleWire);
    this.#reserve(8);
    this.#buffer.writeDoubleLE(value, this.#at);
    this.#at += 8;
  }

  #text(field: number, value: string): void {
    if (value !== '') this.#textAlways(field, value);
  }

  #textAlways(field: number, value: string): void {
    const start = this.#begin(field);
    this.#reserve(value.length * bytesPerUnit);
    const buffer = this.#buffer;
    let at = this.#at;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      // Names are short and ASCII, for which a loop beats a call into the runtime.
      if (unit > 0x7f) {
        at = this.#at + buffer.write(value, this.#at);
        break;
      }
      buffer[at++] = unit;
    }
    this.#at = at;
    this.#finish(start);
  }

  #bytes(field: number, value: Uint8Array): void {
    if (value.length > 0) this.#bytesAlways(field, value);
  }

  #bytesAlways(field: number, value: Uint8Array): void {
    this.#tag(field, bytesWire);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** A field with a length, of which one byte is left free. */
  #begin(field: number): number {
    this.#tag(field, bytesWire);
    this.#byte(0);
    return this.#at;
  }

  #finish(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#buffer[start - 1] = length;
      return;
    }
    let lengthBytes = 1;
    for (let rest = length; rest >= 0x80; rest >>>= 7) lengthBytes++;
    this.#reserve(lengthBytes);
    this.#buffer.copyWithin(start + lengthBytes - 1, start, this.#at);
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  #tag(field: number, wire: number): void {
    this.#varint((field << 3) | wire);
  }

  #varint(value: number): void {
    this.#reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
