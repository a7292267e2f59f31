// Encodes the responses of HBase's ClientService, and answers calls with them.
// Field numbers: HBase's Client.proto; which fields are set: sections 3 and 7 of
// research/wire-trace.md. A tag is field number × 8 + wire type.
//
// Invariant: cells go into the block in the order in which the message counts them.

import type { Cell } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import type { ByteWriter } from './byte-writer.js';
import type {
  ActionOutcome,
  CellResult,
  MultiResponse,
  MutateResponse,
  RegionActionResult,
  ScanResponse,
} from './client-messages.js';
import { exceptionClassName, exceptionText } from './exceptions.js';
import type { CellCodec } from './headers.js';
import type { RpcCall } from './rpc-call.js';
import { fromSafeNumber } from './uint64.js';

export function replyGet(call: RpcCall, result: CellResult): void {
  call.reply(writeGetResponse, result, result.cells);
}

export function replyMutate(call: RpcCall, response: MutateResponse): void {
  call.reply(writeMutateResponse, response, response.result?.cells);
}

export function replyMulti(call: RpcCall, response: MultiResponse): void {
  const hasBlock = call.connection.codec !== 'none';
  call.reply(writeMultiResponse, response, hasBlock ? blockCells(response) : undefined);
}

export function replyScan(call: RpcCall, response: ScanResponse): void {
  call.reply(writeScanResponse, response, response.block ?? response.cells);
}

function writeGetResponse(writer: ByteWriter, result: CellResult, codec: CellCodec): void {
  writeResult(writer, 10, result, codec === 'none');
}

function writeMutateResponse(writer: ByteWriter, response: MutateResponse, codec: CellCodec): void {
  const { result, processed } = response;
  if (result !== undefined) writeResult(writer, 10, result, codec === 'none');
  if (processed !== undefined) writer.boolField(16, processed);
}

/** A Result under `tag`. */
function writeResult(writer: ByteWriter, tag: number, result: CellResult, isInline: boolean): void {
  const mark = writer.begin(tag);
  const { cells, exists, isPartial = false } = result;
  if (isInline) for (const cell of cells) writeCellMessage(writer, 10, cell);
  else writer.varintField(16, cells.length);
  if (exists === undefined) writer.boolField(32, false);
  else writer.boolField(24, exists);
  if (isInline || isPartial) writer.boolField(40, isPartial);
  writer.end(mark);
}

/** A cell as a message of its own, for connections without a codec. */
export function writeCellMessage(writer: ByteWriter, tag: number, cell: Cell): void {
  const { buffer, familyOffset, familyLength, timestampHigh, timestampLow } = cell;
  const mark = writer.begin(tag);
  writer.rangeField(10, buffer, cell.rowOffset, cell.rowLength);
  writer.rangeField(18, buffer, familyOffset, familyLength);
  writer.rangeField(26, buffer, familyOffset + familyLength, cell.qualifierLength);
  writer.varint64Field(32, timestampHigh, timestampLow);
  writer.varintField(40, cell.type);
  writer.rangeField(50, buffer, cell.valueOffset, cell.valueLength);
  writer.end(mark);
}

function blockCells(response: MultiResponse): Cell[] {
  const cells: Cell[] = [];
  for (const region of response.regions) {
    if (region.kind === 'error') continue;
    for (const outcome of region.outcomes) {
      if (outcome.kind === 'error' || outcome.isInline === true) continue;
      const { result } = outcome;
      if (result === undefined || result === 'empty') continue;
      for (const cell of result.cells) cells.push(cell);
    }
  }
  return cells;
}

function writeMultiResponse(writer: ByteWriter, response: MultiResponse, codec: CellCodec): void {
  for (const region of response.regions) writeRegionResult(writer, region, codec);
  if (response.processed !== undefined) writer.boolField(16, response.processed);
  // Statistics of the regions: HBase's clients take an empty message for "none".
  writer.varintField(26, 0);
}

function writeRegionResult(writer: ByteWriter, region: RegionActionResult, codec: CellCodec): void {
  const mark = writer.begin(10);
  if (region.kind === 'error') writeException(writer, 18, region.error);
  else {
    for (const outcome of region.outcomes) writeOutcome(writer, outcome, codec);
    if (region.processed !== undefined) writer.boolField(24, region.processed);
  }
  writer.end(mark);
}

function writeOutcome(writer: ByteWriter, outcome: ActionOutcome, codec: CellCodec): void {
  const mark = writer.begin(10);
  writer.varintField(8, outcome.index);
  if (outcome.kind === 'error') writeException(writer, 26, outcome.error);
  else if (outcome.result === 'empty') writer.varintField(18, 0);
  else if (outcome.result !== undefined) {
    writeResult(writer, 18, outcome.result, codec === 'none' || outcome.isInline === true);
  }
  writer.end(mark);
}

function writeException(writer: ByteWriter, tag: number, error: CadastreError): void {
  const mark = writer.begin(tag);
  writer.stringField(10, exceptionClassName(error));
  writer.stringField(18, exceptionText(error));
  writer.end(mark);
}

function writeScanResponse(writer: ByteWriter, response: ScanResponse, codec: CellCodec): void {
  const { cellsPerResult, partialFlags, scannerId } = response;
  const isInline = codec === 'none';
  if (!isInline) for (const count of cellsPerResult) writer.varintField(8, count);
  if (scannerId !== undefined) writer.varint64Field(16, scannerId.high, scannerId.low);
  if (response.moreResults !== undefined) writer.boolField(24, response.moreResults);
  if (response.leaseMs !== undefined) writer.varintField(32, response.leaseMs);
  if (isInline) writeInlineResults(writer, response);
  if (response.moreResults !== undefined) writer.boolField(48, false);
  if (!isInline) for (const flag of partialFlags) writer.boolField(56, flag);
  if (response.moreResultsInRegion !== undefined) {
    writer.boolField(64, response.moreResultsInRegion);
  }
  if (response.isHeartbeat === true) writer.boolField(72, true);
  if (response.metrics !== undefined) writeMetrics(writer, response.metrics);
  if (response.readPoint !== undefined) {
    const { high, low } = fromSafeNumber(response.readPoint);
    writer.varint64Field(88, high, low);
  }
  if (response.cursorRow !== undefined) {
    const mark = writer.begin(98);
    writer.bytesField(10, response.cursorRow);
    writer.end(mark);
  }
}

function writeInlineResults(writer: ByteWriter, response: ScanResponse): void {
  let from = 0;
  response.cellsPerResult.forEach((count, i) => {
    const cells = response.cells.slice(from, from + count);
    from += count;
    writeResult(writer, 42, { cells, isPartial: response.partialFlags[i] ?? false }, true);
  });
}

function writeMetrics(writer: ByteWriter, metrics: Readonly<Record<string, number>>): void {
  const mark = writer.begin(82);
  for (const [name, value] of Object.entries(metrics)) {
    const metric = writer.begin(10);
    writer.stringField(10, name);
    const { high, low } = fromSafeNumber(value);
    writer.varint64Field(16, high, low);
    writer.end(metric);
  }
  writer.end(mark);
}
