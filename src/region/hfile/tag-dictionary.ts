// The dictionary of tags of one encoded data block: the 127 tags used last, by their slots, so that
// a repeated tag costs two bytes. The reader must forget exactly what the writer forgot.
// Source of the layout: HBase's TagCompressionContext and LRUDictionary.

import { present } from '../../base/assert.js';
import { CadastreError } from '../../base/errors.js';
import type { ByteReader } from './bytes.js';

const slots = 127;
/** Stands instead of a slot's first byte before a tag that is new. */
const isNew = 255;

export class TagDictionary {
  /** Slot to tag, in the order of use: the first is the one to forget. */
  readonly #tags = new Map<number, Buffer>();

  /** Decodes tags that fill `length` bytes, to `out` at `at`; returns the position after them. */
  decode(reader: ByteReader, out: Buffer, at: number, length: number): number {
    const end = at + length;
    let position = at;
    while (position < end) {
      const tag = this.#next(reader);
      if (position + 2 + tag.length > end) {
        throw new CadastreError('corruption', `tags are longer than their ${length} bytes`);
      }
      position = out.writeUInt16BE(tag.length, position);
      out.set(tag, position);
      position += tag.length;
    }
    return position;
  }

  #next(reader: ByteReader): Buffer {
    const first = reader.u8();
    if (first === isNew) {
      const tag = reader.bytes(reader.varint());
      if (tag.length > 0) this.#use(this.#freeSlot(), tag);
      return tag;
    }
    const slot = (first << 8) | reader.u8();
    const tag = this.#tags.get(slot);
    if (tag === undefined) throw new CadastreError('corruption', `there is no tag ${slot}`);
    this.#use(slot, tag);
    return tag;
  }

  #freeSlot(): number {
    if (this.#tags.size < slots) return this.#tags.size;
    const [oldest] = this.#tags.keys();
    return present(oldest, 'a full dictionary has a tag used longest ago');
  }

  #use(slot: number, tag: Buffer): void {
    this.#tags.delete(slot);
    this.#tags.set(slot, tag);
  }
}
