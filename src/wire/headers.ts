// What comes before the messages: preambles, the connection header, request and response headers.
// Source: sections 1.1 to 1.13 of research/wire-trace.md.
//
// The request header is parsed by hand (it is on every call's path); the others are rare or short.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import type { ByteWriter } from './byte-writer.js';
import type { ClientVersion } from './exceptions.js';
import {
  ConnectionHeaderSchema,
  ExceptionResponseSchema,
  ResponseHeaderSchema,
} from './generated/hbase/rpc_pb.js';
import { GetConnectionRegistryResponseSchema } from './generated/hbase/registry_pb.js';
import { malformed } from './proto-reader.js';
import type { ProtoReader } from './proto-reader.js';

export const preambleBytes = 6;
/** "HBas", version 0, simple authentication. */
export const ordinaryPreamble: Buffer = Buffer.from([0x48, 0x42, 0x61, 0x73, 0, 80]);
/** "Regist": asks for the cluster id, with no header and no request. */
export const registryPreamble: Buffer = Buffer.from('Regist');
const securityPreamble = Buffer.from('Securi');

export type Preamble =
  'ordinary' | 'registry' | 'security' | 'bad-version' | 'bad-auth' | 'unknown';

export function classifyPreamble(bytes: Buffer): Preamble {
  if (bytes.equals(ordinaryPreamble)) return 'ordinary';
  if (bytes.equals(registryPreamble)) return 'registry';
  if (bytes.equals(securityPreamble)) return 'security';
  if (bytes.compare(ordinaryPreamble, 0, 4, 0, 4) !== 0) return 'unknown';
  return bytes[4] === 0 ? 'bad-auth' : 'bad-version';
}

/** How cells travel beside messages: not at all, or with or without their tags. */
export type CellCodec = 'none' | 'key-value' | 'key-value-with-tags';

const codecClasses: Readonly<Record<string, CellCodec>> = {
  'org.apache.hadoop.hbase.codec.KeyValueCodec': 'key-value',
  'org.apache.hadoop.hbase.codec.KeyValueCodecWithTags': 'key-value-with-tags',
};

export interface ConnectionHeader {
  readonly serviceName: string;
  readonly user: string;
  readonly codec: CellCodec;
  readonly version: ClientVersion | undefined;
}

/** Throws `bad-request` for garbage and `not-supported` for a codec or compressor we do not have. */
export function decodeConnectionHeader(bytes: Buffer): ConnectionHeader {
  let header;
  try {
    header = fromBinary(ConnectionHeaderSchema, bytes);
  } catch (cause) {
    throw new CadastreError('bad-request', 'malformed connection header', { cause });
  }
  const { versionInfo } = header;
  return {
    serviceName: header.serviceName,
    user: header.userInfo?.effectiveUser ?? '',
    codec: codecOf(header.cellBlockCodecClass, header.cellBlockCompressorClass),
    version:
      versionInfo === undefined
        ? undefined
        : { major: versionInfo.versionMajor, minor: versionInfo.versionMinor },
  };
}

function codecOf(className: string, compressor: string): CellCodec {
  const codec = className === '' ? 'none' : codecClasses[className];
  if (codec !== undefined && compressor === '') return codec;
  const refused = codec === undefined ? `cell codec ${className}` : `compressor ${compressor}`;
  throw new CadastreError('not-supported', `the ${refused} is not supported`, {
    nextStep: 'Use KeyValueCodec or KeyValueCodecWithTags, without a compressor.',
  });
}

/** The preamble and header that open our own connections. */
export function encodeConnectionOpening(header: {
  readonly serviceName: string;
  readonly user: string;
  readonly codec: CellCodec;
  readonly softwareVersion: string;
}): Buffer {
  const { serviceName, user, codec, softwareVersion } = header;
  const codecClass = Object.keys(codecClasses).find((name) => codecClasses[name] === codec);
  const message = toBinary(
    ConnectionHeaderSchema,
    create(ConnectionHeaderSchema, {
      userInfo: { effectiveUser: user },
      serviceName,
      ...(codecClass === undefined ? {} : { cellBlockCodecClass: codecClass }),
      // HBase sends modern exception classes only to clients that claim a modern version of it.
      versionInfo: {
        version: `cadastre-${softwareVersion}`,
        url: '',
        revision: '',
        user: '',
        date: '',
        srcChecksum: '',
        versionMajor: 2,
        versionMinor: 6,
      },
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([ordinaryPreamble, length, message]);
}

export interface RequestHeader {
  readonly callId: number;
  readonly methodName: string;
  readonly hasParameter: boolean;
  /** Bytes of the cell block at the end of the frame; undefined when none was announced. */
  readonly cellBlockLength: number | undefined;
  readonly priority: number;
  /** 0: none given. */
  readonly timeoutMs: number;
}

/** Reads a delimited RequestHeader; the reader then stands after it. */
export function decodeRequestHeader(reader: ProtoReader): RequestHeader {
  const outer = reader.enter();
  let callId: number | undefined;
  let methodName = '';
  let hasParameter = false;
  let cellBlockLength: number | undefined;
  let priority = 0;
  let timeoutMs = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) callId = reader.varint32();
    else if (tag === 26) methodName = reader.string();
    else if (tag === 32) hasParameter = reader.bool();
    else if (tag === 42) cellBlockLength = decodeCellBlockMeta(reader);
    else if (tag === 48) priority = reader.varint32();
    else if (tag === 56) timeoutMs = reader.varint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (callId === undefined) throw malformed('the request header has no call id');
  return { callId, methodName, hasParameter, cellBlockLength, priority, timeoutMs };
}

function decodeCellBlockMeta(reader: ProtoReader): number {
  const outer = reader.enter();
  let length = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) length = reader.varint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return length;
}

/** Writes a delimited RequestHeader as HBase's clients do, empty trace included. */
export function encodeRequestHeader(writer: ByteWriter, header: RequestHeader): void {
  const mark = writer.beginDelimited();
  writer.varintField(8, header.callId);
  writer.varintField(18, 0);
  writer.stringField(26, header.methodName);
  writer.boolField(32, header.hasParameter);
  if (header.cellBlockLength !== undefined) encodeCellBlockMeta(writer, 42, header.cellBlockLength);
  writer.varintField(48, header.priority);
  if (header.timeoutMs > 0) writer.varintField(56, header.timeoutMs);
  writer.end(mark);
}

/** Writes a delimited ResponseHeader without an exception. `cellBlockLength` 0: no block. */
export function encodeResponseHeader(
  writer: ByteWriter,
  callId: number,
  cellBlockLength: number,
): void {
  const mark = writer.beginDelimited();
  writer.varintField(8, callId);
  if (cellBlockLength > 0) encodeCellBlockMeta(writer, 26, cellBlockLength);
  writer.end(mark);
}

function encodeCellBlockMeta(writer: ByteWriter, tag: number, length: number): void {
  const mark = writer.begin(tag);
  writer.varintField(8, length);
  writer.end(mark);
}

/** The call id of answers to no call: -1 in 32 bits. */
export const noCallId = 0xffffffff;

/** A whole frame holding an exception. */
export function exceptionFrame(
  callId: number,
  exception: MessageInitShape<typeof ExceptionResponseSchema>,
): Buffer {
  const header = create(ResponseHeaderSchema, {
    callId,
    exception: create(ExceptionResponseSchema, exception),
  });
  return frameOf(toBinary(ResponseHeaderSchema, header));
}

/** The frame that answers the registry preamble. */
export function registryFrame(clusterId: string): Buffer {
  const header = toBinary(ResponseHeaderSchema, create(ResponseHeaderSchema, { callId: noCallId }));
  const message = create(GetConnectionRegistryResponseSchema, { clusterId });
  return frameOf(header, toBinary(GetConnectionRegistryResponseSchema, message));
}

/** A frame of delimited messages, each below 2 MiB. */
function frameOf(...messages: readonly Uint8Array[]): Buffer {
  const parts = messages.flatMap((message) => [lengthVarint(message.length), message]);
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function lengthVarint(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x4000) return Buffer.from([(length & 0x7f) | 0x80, length >>> 7]);
  return Buffer.from([(length & 0x7f) | 0x80, ((length >>> 7) & 0x7f) | 0x80, length >>> 14]);
}
