// The file's information: a sorted map of names to bytes, protobuf in a block of its own.
// Source of the layout: HBase's HFileInfo and HFile.proto (FileInfoProto).

import { CadastreError } from '../../base/errors.js';
import { ByteReader, pushVarint } from './bytes.js';
import { protobufMagic } from './format.js';

/** The payload of the information block. Names are Latin-1. */
export function encodeFileInfo(entries: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Buffer[] = [];
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of sorted) {
    const pair = Buffer.concat([
      lengthDelimited(1, Buffer.from(name, 'latin1')),
      lengthDelimited(2, value),
    ]);
    parts.push(lengthDelimited(1, pair));
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([protobufMagic, varint(body.length), body]);
}

/** Reads the payload of the information block. Throws `corruption`. */
export function decodeFileInfo(payload: Buffer): ReadonlyMap<string, Buffer> {
  const info = new Map<string, Buffer>();
  const outer = new ByteReader(payload);
  if (!outer.bytes(4).equals(protobufMagic)) {
    throw new CadastreError('corruption', `it is not in protobuf`);
  }
  const reader = new ByteReader(outer.bytes(outer.varint()));
  while (reader.left > 0) {
    const tag = reader.varint();
    if (tag !== fieldTag(1)) throw new CadastreError('corruption', `it has a field ${tag}`);
    const pair = new ByteReader(reader.bytes(reader.varint()));
    let name = '';
    let value: Buffer = Buffer.alloc(0);
    while (pair.left > 0) {
      const tag = pair.varint();
      const bytes = pair.bytes(pair.varint());
      if (tag === fieldTag(1)) name = bytes.toString('latin1');
      else if (tag === fieldTag(2)) value = Buffer.from(bytes);
    }
    info.set(name, value);
  }
  return info;
}

function fieldTag(field: number): number {
  return (field << 3) | 2;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  pushVarint(bytes, value);
  return Buffer.from(bytes);
}

function lengthDelimited(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(fieldTag(field)), varint(bytes.length), bytes]);
}
