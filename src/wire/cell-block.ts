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
