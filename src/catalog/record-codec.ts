// Records as bytes, the same in the log and in checkpoints. Format 1, integers big-endian:
//
//   record       u32 key length | key | u16 type | u16 version | u32 body length | body
//   transaction  u8 1 | u8 2 | u48 epoch | u48 revision | u32 writes | writes
//   write        u8 0 | u32 key length | key          (a deletion)
//                u8 1 | record
//   opening      u8 1 | u8 1 | protobuf Opening       (the first record of each log)
//
// What stands around a record must be readable, or the catalog is not opened: nothing after it could
// be trusted. A value that cannot be decoded stops only itself: it becomes a Quarantined (L10).

import { create, toBinary } from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Revision } from '../base/ids.js';
import type { LogPosition } from '../storage/log.js';
import { encodePosition, fromWide, parseMessage, requirePosition, toWide } from './codec.js';
import { OpeningSchema } from './generated/catalog_pb.js';
import type { Stored } from './image.js';
import { Quarantined } from './image.js';
import type { AnyKind, KindRegistry } from './kind.js';

const format = 1;
const whatOpening = 1;
const whatTransaction = 2;
const opDelete = 0;
const opPut = 1;
/** Bytes of a transaction before its writes. */
const transactionHeader = 18;
/** Bytes of a record beside its key and body. */
const recordOverhead = 12;

/** One change of a transaction: what stood under the key, and what stands there now. */
export interface Write {
  readonly key: string;
  readonly kind: AnyKind;
  readonly before: Stored;
  after: Stored;
}

/** What an opening says of the log before it: the link of the chain (race A20). */
export interface Opening {
  readonly clusterId: string;
  readonly epoch: Epoch;
  /** The last revision before this log. */
  readonly revision: Revision;
  /** The log before, and where it was sealed. */
  readonly predecessor: { readonly epoch: Epoch; readonly end: LogPosition } | undefined;
}

export function encodeOpening(opening: Opening): Buffer {
  const { predecessor } = opening;
  const body = toBinary(
    OpeningSchema,
    create(OpeningSchema, {
      clusterId: opening.clusterId,
      epoch: toWide(opening.epoch, 'an epoch'),
      revision: toWide(opening.revision, 'a revision'),
      ...(predecessor === undefined
        ? {}
        : {
            predecessorEpoch: toWide(predecessor.epoch, 'an epoch'),
            predecessorEnd: encodePosition(predecessor.end),
          }),
    }),
  );
  return Buffer.concat([Buffer.of(format, whatOpening), body]);
}

function decodeOpening(payload: Buffer): Opening {
  const message = parseMessage(OpeningSchema, payload.subarray(2));
  const epoch = message.predecessorEpoch;
  return {
    clusterId: message.clusterId,
    epoch: fromWide(message.epoch, 'an epoch') as Epoch,
    revision: fromWide(message.revision, 'a revision') as Revision,
    predecessor:
      epoch === undefined
        ? undefined
        : {
            epoch: fromWide(epoch, 'an epoch') as Epoch,
            end: requirePosition(message.predecessorEnd, "the predecessor's end"),
          },
  };
}

/** A growing buffer that records are written into. Reused: whoever takes bytes from it copies them. */
export class RecordBuffer {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** A stored value that was quarantined is written back as it came. */
  addRecord(key: string, kind: AnyKind | undefined, value: Stored): void {
    const quarantined = value instanceof Quarantined;
    const body = quarantined ? value.body : encodeValue(kind, key, value);
    const type = quarantined ? value.type : (kind?.type ?? 0);
    const version = quarantined ? value.version : (kind?.version ?? 0);
    this.#reserve(recordOverhead + key.length + body.length);
    const buffer = this.#buffer;
    let at = buffer.writeUInt32BE(key.length, this.#length);
    at += buffer.write(key, at, 'latin1');
    at = buffer.writeUInt16BE(type, at);
    at = buffer.writeUInt16BE(version, at);
    at = buffer.writeUInt32BE(body.length, at);
    buffer.set(body, at);
    this.#length = at + body.length;
  }

  /** Starts a transaction's record; `count` writes follow by `addWrite`. */
  startTransaction(epoch: Epoch, revision: Revision, count: number): void {
    this.clear();
    this.#reserve(transactionHeader);
    const buffer = this.#buffer;
    let at = buffer.writeUInt8(format, 0);
    at = buffer.writeUInt8(whatTransaction, at);
    at = buffer.writeUIntBE(epoch, at, 6);
    at = buffer.writeUIntBE(revision, at, 6);
    this.#length = buffer.writeUInt32BE(count, at);
  }

  addWrite(write: Write): void {
    this.#reserve(5 + write.key.length);
    if (write.after !== undefined) {
      this.#length = this.#buffer.writeUInt8(opPut, this.#length);
      this.addRecord(write.key, write.kind, write.after);
      return;
    }
    let at = this.#buffer.writeUInt8(opDelete, this.#length);
    at = this.#buffer.writeUInt32BE(write.key.length, at);
    this.#length = at + this.#buffer.write(write.key, at, 'latin1');
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.bytes);
    this.#buffer = larger;
  }
}

function encodeValue(kind: AnyKind | undefined, key: string, value: Stored): Uint8Array {
  if (kind !== undefined) return kind.encode(value);
  throw new CadastreError('internal', `a decoded value of ${key.length} key bytes has no kind`);
}

/** What a log record holds. */
export type LogContent =
  | { readonly what: 'opening'; readonly opening: Opening }
  | {
      readonly what: 'transaction';
      readonly epoch: Epoch;
      readonly revision: Revision;
      readonly changes: Iterable<Change>;
    };

/** A change read from a log; `value` is undefined for a deletion. */
export interface Change {
  readonly key: string;
  readonly value: Stored;
}

/** Throws `corruption`, or `root-format-newer` for a format that is not known yet. */
export function decodeLogRecord(payload: Buffer, kinds: KindRegistry): LogContent {
  if (payload.length < 2) throw damaged(payload.length, 'it is shorter than its header');
  if (payload[0] !== format) {
    throw new CadastreError(
      'root-format-newer',
      `a catalog log record has format ${payload[0]}, this software knows ${format}`,
      { nextStep: 'start the version of Cadastre that wrote it' },
    );
  }
  if (payload[1] === whatOpening) return { what: 'opening', opening: decodeOpening(payload) };
  if (payload[1] !== whatTransaction || payload.length < transactionHeader) {
    throw damaged(payload.length, `it says that it is a ${payload[1]}`);
  }
  return {
    what: 'transaction',
    epoch: payload.readUIntBE(2, 6) as Epoch,
    revision: payload.readUIntBE(8, 6) as Revision,
    changes: decodeChanges(payload, kinds),
  };
}

function* decodeChanges(payload: Buffer, kinds: KindRegistry): IterableIterator<Change> {
  const reader = new RecordReader(payload, transactionHeader, kinds);
  for (let left = payload.readUInt32BE(14); left > 0; left--) {
    if (reader.u8() === opPut) yield reader.record();
    else yield { key: reader.key(), value: undefined };
  }
  if (!reader.isAtEnd) throw damaged(payload.length, 'bytes follow its last write');
}

/** Reads records one after another. Throws `corruption` where lengths do not fit. */
export class RecordReader {
  readonly #bytes: Buffer;
  readonly #kinds: KindRegistry;
  #at: number;

  constructor(bytes: Buffer, start: number, kinds: KindRegistry) {
    this.#bytes = bytes;
    this.#at = start;
    this.#kinds = kinds;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes.readUInt8(this.#at++);
  }

  key(): string {
    this.#need(4);
    const length = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    this.#need(length);
    const key = this.#bytes.toString('latin1', this.#at, this.#at + length);
    this.#at += length;
    return key;
  }

  record(): Change {
    const key = this.key();
    this.#need(8);
    const type = this.#bytes.readUInt16BE(this.#at);
    const version = this.#bytes.readUInt16BE(this.#at + 2);
    const length = this.#bytes.readUInt32BE(this.#at + 4);
    this.#at += 8;
    this.#need(length);
    const body = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { key, value: decodeValue(this.#kinds.ofKey(key), key, type, version, body) };
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) {
      throw damaged(this.#bytes.length, `${length} bytes are missing at ${this.#at}`);
    }
  }
}

/** The value, or, whatever is wrong with it, the bytes of it in quarantine (L10). */
function decodeValue(
  kind: AnyKind | undefined,
  key: string,
  type: number,
  version: number,
  body: Buffer,
): Stored {
  const quarantine = (reason: string) => new Quarantined(type, version, Buffer.from(body), reason);
  if (kind === undefined) return quarantine('no kind of record has such keys');
  if (kind.type !== type) return quarantine(`its type is ${type}, not ${kind.type}`);
  if (version > kind.version) {
    return quarantine(`its version is ${version}, this software knows ${kind.version}`);
  }
  try {
    kind.decodeKey(key);
    return kind.decode(version, body);
  } catch (error) {
    return quarantine(error instanceof Error ? error.message : String(error));
  }
}

function damaged(length: number, why: string): CadastreError {
  return new CadastreError('corruption', `a catalog record of ${length} bytes is damaged: ${why}`, {
    nextStep: 'restore the storage root from a copy, or repair it by the page "Damaged storage"',
  });
}
