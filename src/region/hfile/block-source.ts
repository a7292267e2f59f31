// Where a reader's blocks come from: the cache, else the object, verified and made plain.
// Everything above works on blocks and their places; nothing below it is trusted.

import type { CachedBlock } from '../block-cache.js';
import type { HFileContext } from './api.js';
import type { FrameCompression } from './block-frame.js';
import { openFrame } from './block-frame.js';
import type { DataBlock } from './data-block.js';
import { readDataBlock } from './data-block.js';
import type { EncodingForm } from './encodings.js';
import { decodeBlock } from './encodings.js';
import { corruption, decoding } from './format.js';
import type { BlockPlace, IndexBlock } from './index-block.js';
import { readIndexBlock } from './index-block.js';

/** A chunk of a bloom filter. */
export interface BloomChunk extends CachedBlock {
  readonly kind: 'bloom';
  readonly bits: Buffer;
}
type Block = DataBlock | IndexBlock | BloomChunk;

export interface BlockSourceOptions {
  readonly object: string;
  readonly context: HFileContext;
  readonly compression: FrameCompression;
  /** Where the load-on-open section begins: other blocks end before it. */
  readonly blocksEnd: number;
  readonly form: EncodingForm;
}

/** Gives blocks at once when they are cached; what is wrong with one rejects, and never throws. */
export class BlockSource {
  readonly object: string;
  readonly #options: BlockSourceOptions;

  constructor(options: BlockSourceOptions) {
    this.object = options.object;
    this.#options = options;
  }

  data(place: BlockPlace, keep: boolean): DataBlock | Promise<DataBlock> {
    const block = this.#options.context.cache.get(this.object, place.offset);
    return block?.kind === 'data' ? (block as DataBlock) : this.#loadData(place, keep);
  }
  index(place: BlockPlace): IndexBlock | Promise<IndexBlock> {
    const block = this.#options.context.cache.get(this.object, place.offset);
    return block?.kind === 'index' ? (block as IndexBlock) : this.#loadIndex(place);
  }
  bloom(place: BlockPlace): BloomChunk | Promise<BloomChunk> {
    const block = this.#options.context.cache.get(this.object, place.offset);
    return block?.kind === 'bloom' ? (block as BloomChunk) : this.#loadBloom(place);
  }

  isCached(place: BlockPlace): boolean {
    return this.#options.context.cache.has(this.object, place.offset);
  }
  keep(place: BlockPlace, block: DataBlock): void {
    this.#options.context.cache.put(this.object, place.offset, block);
  }

  /** Reads bytes [start, end) of the object: several blocks at once. */
  async range(start: number, end: number): Promise<Buffer> {
    const { object } = this;
    const options = this.#options;
    const { context } = options;
    if (end > options.blocksEnd || end <= start) {
      throw corruption(object, start, `the index names a block there that ends at ${end}`);
    }
    const bytes = await context.cache.limited(() => context.objects.get(object, { start, end }));
    if (bytes.length === end - start) return bytes;
    throw corruption(object, start + bytes.length, `the object is cut off, ${end} was expected`);
  }

  /** The data block whose frame fills `bytes`. If it is a view, it holds on to all they are part of. */
  parseData(bytes: Buffer, place: BlockPlace): DataBlock {
    const { form } = this.#options;
    const isPlain = form.encoding === 'NONE';
    const { payload } = openFrame(bytes, [isPlain ? 'data' : 'encodedData'], this.#frame(place));
    return decoding(this.object, place.offset, 'the data block', () =>
      readDataBlock(isPlain ? payload : decodeBlock(payload, form), form),
    );
  }

  async #loadData(place: BlockPlace, keep: boolean): Promise<DataBlock> {
    const block = await this.#load(place, keep, (bytes) => this.parseData(bytes, place));
    return this.#expect<DataBlock>('data', block, place);
  }
  async #loadIndex(place: BlockPlace): Promise<IndexBlock> {
    const block = await this.#load(place, true, (bytes) => {
      const { payload } = openFrame(bytes, ['leafIndex', 'intermediateIndex'], this.#frame(place));
      return decoding(this.object, place.offset, 'the index block', () => readIndexBlock(payload));
    });
    return this.#expect<IndexBlock>('index', block, place);
  }
  async #loadBloom(place: BlockPlace): Promise<BloomChunk> {
    const block = await this.#load(place, true, (bytes) => {
      const { payload } = openFrame(bytes, ['bloomChunk'], this.#frame(place));
      return { kind: 'bloom', bits: payload, memoryBytes: payload.length + 200 };
    });
    return this.#expect<BloomChunk>('bloom', block, place);
  }

  /** The block as the kind it must be: a read we joined may be of another kind in a damaged file. */
  #expect<B extends Block>(kind: B['kind'], block: CachedBlock, place: BlockPlace): B {
    if (block.kind === kind) return block as B;
    throw corruption(this.object, place.offset, `a ${block.kind} block is named as ${kind} block`);
  }

  #frame(place: BlockPlace) {
    return { object: this.object, offset: place.offset, compression: this.#options.compression };
  }

  #load(place: BlockPlace, keep: boolean, parse: (bytes: Buffer) => Block): Promise<CachedBlock> {
    return this.#options.context.cache.load(this.object, place.offset, keep, async () =>
      parse(await this.range(place.offset, place.offset + place.bytes)),
    );
  }
}
