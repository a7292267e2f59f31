// Decodes what gets and scans ask for: columns, time ranges, versions, filters.
// Field numbers: HBase's Client.proto. A tag is field number × 8 + wire type.

import type {
  Condition,
  CompareOperator,
  ComparatorSpec,
  FamilySelection,
  FilterSpec,
  Get,
  Scan,
  TimeRange,
} from '../base/operations.js';
import { latestTimestampHigh, latestTimestampLow } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { RegionSpecifier } from './client-messages.js';
import { malformed } from './proto-reader.js';
import type { ProtoReader } from './proto-reader.js';
import { checkedRow } from './row.js';
import { toSafeNumber } from './uint64.js';

const emptyBuffer = Buffer.alloc(0);

export function decodeRegionSpecifier(reader: ProtoReader): RegionSpecifier {
  const outer = reader.enter();
  let type = 0;
  let value: Buffer | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) type = reader.varint32();
    else if (tag === 18) value = reader.bytes();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (value === undefined || (type !== 1 && type !== 2)) throw malformed('a region is not named');
  return { kind: type === 1 ? 'name' : 'encoded', value };
}

/** A name and its body: a filter, comparator, attribute. */
export function decodeNamedBytes(reader: ProtoReader): FilterSpec & ComparatorSpec {
  const outer = reader.enter();
  let name: string | undefined;
  let body: Buffer = emptyBuffer;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) name = reader.string();
    else if (tag === 18) body = reader.bytes();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (name === undefined) throw malformed('a filter, comparator or attribute has no name');
  return { name, body };
}

/** Undefined when it spans all of time. */
export function decodeTimeRange(reader: ProtoReader): TimeRange | undefined {
  const outer = reader.enter();
  let fromHigh = 0;
  let fromLow = 0;
  let untilHigh: number = latestTimestampHigh;
  let untilLow: number = latestTimestampLow;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) {
      reader.varint64();
      fromHigh = reader.high;
      fromLow = reader.low;
    } else if (tag === 16) {
      reader.varint64();
      untilHigh = reader.high;
      untilLow = reader.low;
    } else reader.skip(tag);
  }
  reader.leave(outer);
  if (fromHigh > latestTimestampHigh || untilHigh > latestTimestampHigh) {
    throw new CadastreError('bad-request', 'a time range has a negative bound');
  }
  if (fromHigh > untilHigh || (fromHigh === untilHigh && fromLow > untilLow)) {
    throw new CadastreError('bad-request', 'a time range ends before it starts');
  }
  const isAll =
    fromHigh === 0 &&
    fromLow === 0 &&
    untilHigh === latestTimestampHigh &&
    untilLow === latestTimestampLow;
  return isAll ? undefined : { fromHigh, fromLow, untilHigh, untilLow };
}

function decodeColumn(reader: ProtoReader): FamilySelection {
  const outer = reader.enter();
  let family: Buffer | undefined;
  const qualifiers: Buffer[] = [];
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) family = reader.bytes();
    else if (tag === 18) qualifiers.push(reader.bytes());
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (family === undefined) throw malformed('a column has no family');
  return { family, qualifiers };
}

function decodeFamilyTimeRange(reader: ProtoReader): Get['familyTimeRanges'][number] {
  const outer = reader.enter();
  let family: Buffer | undefined;
  let range: TimeRange | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) family = reader.bytes();
    else if (tag === 18) range = decodeTimeRange(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (family === undefined) throw malformed("a family's time range has no family");
  return { family, range: range ?? allOfTime };
}

/** Said in full, because it overrides a narrower range of the whole request. */
const allOfTime: TimeRange = {
  fromHigh: 0,
  fromLow: 0,
  untilHigh: latestTimestampHigh,
  untilLow: latestTimestampLow,
};

/** What is filled while fields are read; one literal each, because spreading costs microseconds. */
type Filling<T> = { -readonly [Key in keyof T]: T[Key] } & {
  readonly families: FamilySelection[];
  readonly familyTimeRanges: { readonly family: Buffer; readonly range: TimeRange }[];
};

/** Reads a delimited Get. */
export function decodeGet(reader: ProtoReader): Get {
  const outer = reader.enter();
  const get: Filling<Get> = {
    row: emptyBuffer,
    existenceOnly: false,
    families: [],
    timeRange: undefined,
    familyTimeRanges: [],
    versionsMax: 1,
    storeLimit: undefined,
    storeOffset: 0,
    filter: undefined,
    cacheBlocks: true,
  };
  while (!reader.isDone) decodeGetField(reader, reader.tag(), get);
  reader.leave(outer);
  checkedRow(get.row);
  checkVersions(get.versionsMax);
  return get;
}

function decodeGetField(reader: ProtoReader, tag: number, get: Filling<Get>): void {
  switch (tag) {
    case 10:
      get.row = reader.bytes();
      return;
    case 18:
      get.families.push(decodeColumn(reader));
      return;
    case 34:
      get.filter = decodeNamedBytes(reader);
      return;
    case 42:
      get.timeRange = decodeTimeRange(reader);
      return;
    case 48:
      get.versionsMax = reader.varint32();
      return;
    case 56:
      get.cacheBlocks = reader.bool();
      return;
    case 64:
      get.storeLimit = reader.varint32();
      return;
    case 72:
      get.storeOffset = reader.varint32();
      return;
    case 80:
      get.existenceOnly = reader.bool();
      return;
    case 88:
      if (reader.bool()) throw closestRowRefused();
      return;
    case 106:
      get.familyTimeRanges.push(decodeFamilyTimeRange(reader));
      return;
    default:
      reader.skip(tag);
  }
}

function checkVersions(versionsMax: number): void {
  if (versionsMax > 0) return;
  throw new CadastreError('bad-request', 'max versions must be at least 1');
}

function closestRowRefused(): CadastreError {
  return new CadastreError('not-supported', 'get of the closest row before is not supported', {
    nextStep: 'Use a reversed scan of one row.',
  });
}

/** A scan with what only its opening request says. */
export interface DecodedScan {
  readonly scan: Scan;
  /** Bytes of one answer; 0: none given. */
  readonly sizeMax: number;
  readonly wantsCursor: boolean;
}

interface Scanning {
  readonly scan: Filling<Scan>;
  sizeMax: number;
  wantsCursor: boolean;
}

/** Reads a delimited Scan. */
export function decodeScan(reader: ProtoReader): DecodedScan {
  const outer = reader.enter();
  const scan: Filling<Scan> = {
    startRow: emptyBuffer,
    includeStart: true,
    stopRow: emptyBuffer,
    includeStop: false,
    reversed: false,
    batch: 0,
    raw: false,
    readUncommitted: false,
    readPoint: 0,
    families: [],
    timeRange: undefined,
    familyTimeRanges: [],
    versionsMax: 1,
    storeLimit: undefined,
    storeOffset: 0,
    filter: undefined,
    cacheBlocks: true,
  };
  const scanning: Scanning = { scan, sizeMax: 0, wantsCursor: false };
  while (!reader.isDone) decodeScanField(reader, reader.tag(), scanning);
  reader.leave(outer);
  checkVersions(scan.versionsMax);
  return scanning;
}

function decodeScanField(reader: ProtoReader, tag: number, scanning: Scanning): void {
  const { scan } = scanning;
  switch (tag) {
    case 10:
      scan.families.push(decodeColumn(reader));
      return;
    case 18:
      applyScanAttribute(decodeNamedBytes(reader), scan);
      return;
    case 26:
      scan.startRow = reader.bytes();
      return;
    case 34:
      scan.stopRow = reader.bytes();
      return;
    case 42:
      scan.filter = decodeNamedBytes(reader);
      return;
    case 50:
      scan.timeRange = decodeTimeRange(reader);
      return;
    case 56:
      scan.versionsMax = reader.varint32();
      return;
    case 64:
      scan.cacheBlocks = reader.bool();
      return;
    case 72:
      scan.batch = Math.max(0, reader.int32());
      return;
    case 80:
      scanning.sizeMax = decodeSizeMax(reader);
      return;
    case 88:
      scan.storeLimit = reader.varint32();
      return;
    case 96:
      scan.storeOffset = reader.varint32();
      return;
    case 120:
      scan.reversed = reader.bool();
      return;
    case 154:
      scan.familyTimeRanges.push(decodeFamilyTimeRange(reader));
      return;
    case 160:
      reader.varint64();
      scan.readPoint = toSafeNumber(reader.high, reader.low, 'the read point');
      return;
    case 168:
      scan.includeStart = reader.bool();
      return;
    case 176:
      scan.includeStop = reader.bool();
      return;
    case 192:
      scanning.wantsCursor = reader.bool();
      return;
    default:
      reader.skip(tag);
  }
}

/** Clients say "as much as you like" by -1 or by the largest number. */
function decodeSizeMax(reader: ProtoReader): number {
  reader.varint64();
  return reader.high >= 2 ** 21 ? 0 : reader.high * 2 ** 32 + reader.low;
}

/** Attributes that change what a scan returns; others are for clients and coprocessors. */
function applyScanAttribute({ name, body }: FilterSpec, scan: Filling<Scan>): void {
  if (name === '_raw_') scan.raw = body.length > 0 && body[0] !== 0;
  else if (name === '_isolationlevel_') scan.readUncommitted = body[0] === 1;
}

const operators: readonly CompareOperator[] = [
  'less',
  'less-or-equal',
  'equal',
  'not-equal',
  'greater-or-equal',
  'greater',
  'no-op',
];

/** Reads a delimited Condition. */
export function decodeCondition(reader: ProtoReader): Condition {
  const outer = reader.enter();
  let row: Buffer | undefined;
  let family: Buffer | undefined;
  let qualifier: Buffer = emptyBuffer;
  let operator: CompareOperator | undefined = 'less';
  let comparator: ComparatorSpec | undefined;
  let timeRange: TimeRange | undefined;
  let filter: FilterSpec | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) row = reader.bytes();
    else if (tag === 18) family = reader.bytes();
    else if (tag === 26) qualifier = reader.bytes();
    else if (tag === 32) operator = operators[reader.varint32()];
    else if (tag === 42) comparator = decodeNamedBytes(reader);
    else if (tag === 50) timeRange = decodeTimeRange(reader);
    else if (tag === 58) filter = decodeNamedBytes(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  const checked = checkedRow(row);
  if (filter !== undefined) return { kind: 'filter', row: checked, filter, timeRange };
  if (family === undefined || comparator === undefined || operator === undefined) {
    throw malformed('a condition has no family, comparator or known operator');
  }
  return { kind: 'value', row: checked, family, qualifier, operator, comparator, timeRange };
}
