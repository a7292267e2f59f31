// How a procedure type's input and state become bytes and come back, in every version there was.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';

/** `decode` is given the version of the type that wrote the bytes, and upcasts older ones. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** Throws if the bytes are not of this shape; the procedure is then quarantined (L10). */
  decode(bytes: Uint8Array, version: number): T;
}

const noBytes: Uint8Array = new Uint8Array(0);

/** For types that keep no state between steps. */
export const noState: Codec<undefined> = {
  encode: () => noBytes,
  decode: () => undefined,
};

/** A codec over a generated protobuf message; `from` sees the version that wrote it. */
export function protoCodec<Desc extends DescMessage, T>(
  message: Desc,
  convert: {
    readonly to: (value: T) => MessageInitShape<Desc>;
    readonly from: (message: MessageShape<Desc>, version: number) => T;
  },
): Codec<T> {
  return {
    encode: (value) => toBinary(message, create(message, convert.to(value))),
    decode: (bytes, version) => convert.from(fromBinary(message, bytes), version),
  };
}

const bytesKey = '$bytes';

/**
 * A codec over JSON text; `parse` checks the value (a zod schema's `parse` fits) and upcasts older
 * versions. Byte arrays anywhere inside become base64 and come back as Buffers.
 */
export function jsonCodec<T>(parse: (value: unknown, version: number) => T): Codec<T> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(withTextForBytes(value))),
    decode: (bytes, version) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      return parse(JSON.parse(text, bytesFromText), version);
    },
  };
}

function withTextForBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [bytesKey]: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(withTextForBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, withTextForBytes(v)]));
}

function bytesFromText(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(bytesKey in value)) return value;
  const text = value[bytesKey];
  return typeof text === 'string' ? Buffer.from(text, 'base64') : value;
}
