// The edge between the catalog's values and their protobuf: numbers in and out of 64-bit fields,
// names in and out of small numbers, with checks both ways.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Clip } from '../base/store-file.js';
import type { LogPosition } from '../storage/log.js';
import type { KeyRange, Position } from './generated/catalog_pb.js';

/** A number on its way into a uint64 field. */
export function toWide(value: number, what: string): bigint {
  assert(Number.isSafeInteger(value) && value >= 0, `${what} is a count, not ${value}`);
  return BigInt(value);
}

/** A number out of a uint64 field. Throws `corruption` if it is past 2^53. */
export function fromWide(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CadastreError('corruption', `${what} is ${value}, more than a number can hold`);
  }
  return Number(value);
}

/** Bytes out of a protobuf, in a buffer of their own: a view would pin the whole log record. */
export function ownBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

/**
 * Names that are stored as their position + 1; 0 is what a missing field reads as, and no name.
 * Names are only ever added at the end.
 */
export class NameCodec<Name extends string> {
  readonly #names: readonly Name[];
  readonly #what: string;

  constructor(what: string, names: readonly Name[]) {
    this.#what = what;
    this.#names = names;
  }

  encode(name: Name): number {
    const index = this.#names.indexOf(name);
    assert(index >= 0, `${name} is a ${this.#what}`);
    return index + 1;
  }

  /** Throws `corruption` for a number that stands for nothing. */
  decode(value: number): Name {
    const name = this.#names[value - 1];
    if (name === undefined) {
      throw new CadastreError('corruption', `${value} stands for no ${this.#what}`);
    }
    return name;
  }
}

/** A protobuf message. Throws `corruption` if the bytes are none. */
export function parseMessage<Description extends DescMessage>(
  description: Description,
  bytes: Uint8Array,
): MessageShape<Description> {
  try {
    return fromBinary(description, bytes);
  } catch (error) {
    const { typeName } = description;
    throw new CadastreError('corruption', `${bytes.length} bytes are not a ${typeName}`, {
      cause: error,
    });
  }
}

/** Encoder and decoder of a kind whose only version is a protobuf message. */
export function messageCodec<Description extends DescMessage, Value>(
  description: Description,
  toMessage: (value: Value) => MessageInitShape<Description>,
  fromMessage: (message: MessageShape<Description>) => Value,
): {
  readonly version: 1;
  encode(value: Value): Uint8Array;
  decode(version: number, bytes: Uint8Array): Value;
} {
  return {
    version: 1,
    encode: (value) => toBinary(description, create(description, toMessage(value))),
    decode: (_version, bytes) => fromMessage(parseMessage(description, bytes)),
  };
}

/** A message's fields without protobuf's own, to be given to `create`. */
type Fields<Message> = Omit<Message, '$typeName' | '$unknown'>;

export function encodePosition(position: LogPosition): Fields<Position> {
  return {
    segment: position.segment,
    offset: toWide(position.offset, "a position's offset"),
    sequence: toWide(position.sequence, "a position's sequence"),
  };
}

export function decodePosition(message: Position): LogPosition {
  return {
    segment: message.segment,
    offset: fromWide(message.offset, "a position's offset"),
    sequence: fromWide(message.sequence, "a position's sequence"),
  };
}

/** A position that the message must have. */
export function requirePosition(message: Position | undefined, what: string): LogPosition {
  if (message === undefined) throw new CadastreError('corruption', `${what} is missing`);
  return decodePosition(message);
}

export function encodeClip(clip: Clip): Fields<KeyRange> {
  return clip;
}

export function decodeClip(message: KeyRange): Clip {
  return { startKey: ownBuffer(message.startKey), endKey: ownBuffer(message.endKey) };
}
