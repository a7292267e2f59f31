// A cursor over one store file's cells (see CellCursor for what it promises).
//
// It holds one data block and an index into it. Moves inside the block, and to blocks in memory, are
// synchronous and allocate nothing but a few objects per block.

import type { Cell } from '../../base/cell.js';
import { asCadastreError, CadastreError } from '../../base/errors.js';
import type { CellCursor, Moving } from '../cell-cursor.js';
import type { HFileCursorOptions } from './api.js';
import type { BlockSource } from './block-source.js';
import { readVlong } from './bytes.js';
import type { CellForm, DataBlock } from './data-block.js';
import type { IndexBlock } from './index-block.js';
import type { Aim } from './index-path.js';
import { IndexPath } from './index-path.js';
import { ReadAhead } from './read-ahead.js';

const emptyBuffer = Buffer.alloc(0);
const noStarts = new Uint32Array(0);

export interface HFileCursorParts {
  readonly source: BlockSource;
  readonly root: IndexBlock;
  readonly levels: number;
  readonly form: CellForm;
  readonly options: HFileCursorOptions;
}

export class HFileCursor implements CellCursor {
  valid = false;
  buffer: Buffer = emptyBuffer;
  offset = 0;
  keyLength = 0;
  valueLength = 0;
  tagsLength = 0;
  sequence = 0;

  readonly #path: IndexPath;
  readonly #blocks: ReadAhead;
  readonly #hasTags: boolean;
  readonly #hasSequence: boolean;
  /** Shown for cells without one of their own to show. */
  readonly #sequenceShown: number;
  #block: DataBlock | undefined;
  #starts: Uint32Array = noStarts;
  #index = 0;
  #isClosed = false;

  constructor(parts: HFileCursorParts) {
    const { source, options, form } = parts;
    this.#path = new IndexPath(source, parts.root, parts.levels);
    this.#blocks = new ReadAhead(source, this.#path, options);
    this.#hasTags = form.hasTags;
    this.#hasSequence = form.hasSequence && options.sequence === undefined;
    this.#sequenceShown = options.sequence ?? 0;
  }

  seekToFirst(): Moving {
    return this.#go('first');
  }

  seek(key: Cell): Moving {
    const block = this.#block;
    if (block !== undefined && this.#isWithin(block, key)) {
      const at = key.offset + 8;
      const isOnward = block.compareAt(this.#index, key.buffer, at, key.keyLength) <= 0;
      const index = isOnward
        ? block.lowerBoundFrom(this.#index, key.buffer, at, key.keyLength)
        : block.lowerBound(key.buffer, at, key.keyLength);
      this.#show(index);
      return undefined;
    }
    return this.#go('floor', key);
  }

  seekBefore(key: Cell): Moving {
    const block = this.#block;
    if (block !== undefined && this.#isWithin(block, key)) {
      const index = block.lowerBound(key.buffer, key.offset + 8, key.keyLength);
      if (index > 0) {
        this.#show(index - 1);
        return undefined;
      }
    }
    return this.#go('below', key);
  }

  next(): Moving {
    const index = this.#index + 1;
    if (index < this.#starts.length) {
      this.#show(index);
      return undefined;
    }
    this.valid = false;
    return this.#arrive(this.#path.step(1), 'next', undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
    this.#blocks.close();
  }

  /** Whether the key lies between the block's first and last, so that no other block matters. */
  #isWithin(block: DataBlock, key: Cell): boolean {
    const at = key.offset + 8;
    return (
      block.compareAt(block.count - 1, key.buffer, at, key.keyLength) >= 0 &&
      block.compareAt(0, key.buffer, at, key.keyLength) <= 0
    );
  }

  #go(aim: Aim, key?: Cell): Moving {
    if (this.#isClosed) throw new CadastreError('internal', 'a closed cursor was moved');
    this.valid = false;
    return this.#arrive(this.#path.seek(aim, key), aim, key);
  }

  /** Goes on when the path has found a data block, or that there is none. */
  #arrive(
    found: boolean | Promise<boolean>,
    aim: Aim | 'next' | 'previous',
    key: Cell | undefined,
  ): Moving {
    // The block is let go of: after a failed read it would not be where the path stands.
    this.#forget();
    if (typeof found !== 'boolean') return found.then((is) => this.#arrive(is, aim, key));
    const place = found && !this.#isClosed ? this.#path.place() : undefined;
    if (place === undefined) return undefined;
    let block: DataBlock | Promise<DataBlock>;
    try {
      block = this.#blocks.take(place);
    } catch (error) {
      return Promise.reject(asCadastreError(error));
    }
    if (block instanceof Promise) return block.then((read) => this.#land(read, aim, key));
    return this.#land(block, aim, key);
  }

  /** Takes its place in a block that is in memory. */
  #land(block: DataBlock, aim: Aim | 'next' | 'previous', key: Cell | undefined): Moving {
    if (this.#isClosed) return undefined;
    let index = aim === 'last' || aim === 'previous' ? block.count - 1 : 0;
    if (key !== undefined) {
      index = block.lowerBound(key.buffer, key.offset + 8, key.keyLength);
      // The index may send us to a block whose neighbour has the cell, because its keys are short.
      if (aim === 'below') index--;
      if (index < 0) return this.#arrive(this.#path.step(-1), 'previous', undefined);
      if (index === block.count) return this.#arrive(this.#path.step(1), 'next', undefined);
    }
    this.#block = block;
    this.buffer = block.buffer;
    this.#starts = block.starts;
    this.#show(index);
    if (aim === 'next') this.#blocks.prepareNext();
    return undefined;
  }

  #forget(): void {
    this.valid = false;
    this.#block = undefined;
    this.#starts = noStarts;
    this.buffer = emptyBuffer;
  }

  /** Makes the block's cell the current one. The hot path: 25 ns, lengths were checked on reading. */
  #show(index: number): void {
    const { buffer } = this;
    const at = this.#starts[index] as number;
    this.#index = index;
    this.offset = at;
    this.keyLength =
      (buffer[at] as number) * 0x1000000 +
      (((buffer[at + 1] as number) << 16) |
        ((buffer[at + 2] as number) << 8) |
        (buffer[at + 3] as number));
    this.valueLength =
      (buffer[at + 4] as number) * 0x1000000 +
      (((buffer[at + 5] as number) << 16) |
        ((buffer[at + 6] as number) << 8) |
        (buffer[at + 7] as number));
    let end = at + 8 + this.keyLength + this.valueLength;
    this.tagsLength = 0;
    if (this.#hasTags) {
      this.tagsLength = ((buffer[end] as number) << 8) | (buffer[end + 1] as number);
      end += 2 + this.tagsLength;
    }
    this.sequence = this.#hasSequence ? readVlong(buffer, end) : this.#sequenceShown;
    this.valid = true;
  }
}
