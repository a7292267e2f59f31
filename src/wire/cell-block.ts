// Cell blocks: cells one behind the other, each with its length before it, beside the message.
// Source: 1.22 of research/wire-trace.md.

import { readCell } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import { malformed } from './proto-reader.js';

/** Bytes of a block of these cells, as `ByteWriter.blockCell` writes them. */
export function cellBlockLength(cells: readonly Cell[], withTags: boolean): number {
  let total = 0;
  for (const cell of cells) {
    total += 4 + (withTags ? cell.length : 8 + cell.keyLength + cell.valueLength);
  }
  return total;
}

const noBlock = Buffer.alloc(0);

/** Takes cells off a block in order; whatever does not fit throws `bad-request`. */
export class CellBlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer | undefined) {
    this.#block = block ?? noBlock;
  }

  get isDone(): boolean {
    return this.#at === this.#block.length;
  }

  next(): Cell {
    const at = this.#at;
    const block = this.#block;
    if (block.length - at < 4)
      throw malformed('the cell block has fewer cells than the message says');
    const length = block.readUInt32BE(at);
    if (length > block.length - at - 4) throw malformed('a cell of the cell block is cut off');
    let cell: Cell;
    try {
      cell = readCell(block, at + 4, length);
    } catch (cause) {
      throw new CadastreError('bad-request', 'malformed cell in the cell block', { cause });
    }
    this.#at = at + 4 + length;
    return cell;
  }

  /** The next `count` cells. */
  take(count: number): Cell[] {
    const cells: Cell[] = [];
    for (let i = 0; i < count; i++) cells.push(this.next());
    return cells;
  }
}

/** A block grows by pieces of at least this; the first one is small, since most pages are. */
const firstPieceBytes = 8 * 1024;
const pieceBytesMax = 256 * 1024;

/**
 * A block that is made cell by cell, in pieces that go to the network as they are: a page of a scan is
 * copied once, from the region's blocks to here.
 */
export class CellBlockWriter {
  readonly #withTags: boolean;
  readonly #full: Buffer[] = [];
  #piece: Buffer = noBlock;
  #used = 0;
  #fullBytes = 0;
  #count = 0;

  constructor(withTags: boolean) {
    this.#withTags = withTags;
  }

  /** Cells so far. */
  get count(): number {
    return this.#count;
  }
  /** Bytes so far, lengths included. */
  get length(): number {
    return this.#fullBytes + this.#used;
  }
  /** The block's bytes; nothing may be added afterwards. */
  get pieces(): readonly Buffer[] {
    return this.#used === 0 ? this.#full : [...this.#full, this.#piece.subarray(0, this.#used)];
  }

  /** Copies the cell that starts at `offset`. */
  add(
    source: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
  ): void {
    const tags = this.#withTags && tagsLength > 0 ? 2 + tagsLength : 0;
    const length = 8 + keyLength + valueLength + tags;
    if (this.#used + 4 + length > this.#piece.length) this.#grow(4 + length);
    const at = this.#piece.writeUInt32BE(length, this.#used);
    source.copy(this.#piece, at, offset, offset + length);
    this.#used = at + length;
    this.#count += 1;
  }

  /** Windows on the cells, for a connection without blocks. */
  cells(): Cell[] {
    const cells: Cell[] = [];
    for (const piece of this.pieces) {
      const reader = new CellBlockReader(piece);
      while (!reader.isDone) cells.push(reader.next());
    }
    return cells;
  }

  #grow(bytes: number): void {
    if (this.#used > 0) this.#full.push(this.#piece.subarray(0, this.#used));
    this.#fullBytes += this.#used;
    const next = Math.min(pieceBytesMax, Math.max(firstPieceBytes, this.#piece.length * 4));
    this.#piece = Buffer.allocUnsafeSlow(Math.max(next, bytes));
    this.#used = 0;
  }
}
