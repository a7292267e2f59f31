// A transaction while its body runs: it writes straight into the tail, which nobody else can see
// meanwhile, and can take everything back.
//
// Invariants:
// 1. After `rollback` the tail is what it was; after `end` every use throws.
// 2. `writes` holds one entry a key: what stood there before the body, and what stands there now.

import { assert } from '../base/assert.js';
import type { Revision } from '../base/ids.js';
import type {
  CatalogEntry,
  CatalogKey,
  KeyPrefix,
  RecordKind,
  ScanOptions,
  Transaction,
} from './api.js';
import type { Image, Stored } from './image.js';
import type { AnyKind } from './kind.js';
import type { Write } from './record-codec.js';

/** Most transactions write a record or two: a map for each would cost more than the rest of it. */
const lookedThroughMax = 8;

export class OpenTransaction implements Transaction {
  readonly revision: Revision;
  readonly #image: Image;
  readonly #writes: Write[] = [];
  /** Finds them by key, once there are too many to look through. */
  #byKey: Map<string, Write> | undefined;
  #isOpen = true;

  constructor(image: Image, revision: Revision) {
    this.#image = image;
    this.revision = revision;
  }

  get writes(): readonly Write[] {
    return this.#writes;
  }

  get<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): Value | undefined {
    this.#check();
    return this.#image.get(kind, key);
  }

  *scan<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    options?: ScanOptions<Key>,
  ): IterableIterator<CatalogEntry<Key, Value>> {
    for (const entry of this.#image.scan(kind, options)) {
      this.#check();
      yield entry;
    }
  }

  put<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key, value: Value): void {
    assert(value !== undefined, 'a record has a value');
    this.#set(kind, kind.encodeKey(key as KeyPrefix<Key>), value);
  }

  delete<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): void {
    const encoded = kind.encodeKey(key as KeyPrefix<Key>);
    if (this.#image.find(encoded) !== undefined) this.#set(kind, encoded, undefined);
  }

  #set(kind: AnyKind, key: string, after: Stored): void {
    this.#check();
    const write = this.#find(key);
    if (write === undefined) this.#add({ key, kind, before: this.#image.find(key), after });
    else write.after = after;
    this.#image.set(key, after);
  }

  #find(key: string): Write | undefined {
    if (this.#byKey !== undefined) return this.#byKey.get(key);
    for (const write of this.#writes) if (write.key === key) return write;
    return undefined;
  }

  #add(write: Write): void {
    this.#writes.push(write);
    if (this.#byKey !== undefined) this.#byKey.set(write.key, write);
    else if (this.#writes.length > lookedThroughMax) {
      this.#byKey = new Map(this.#writes.map((one) => [one.key, one]));
    }
  }

  rollback(): void {
    for (const { key, before } of this.#writes) this.#image.set(key, before);
  }

  end(): void {
    this.#isOpen = false;
  }

  #check(): void {
    assert(this.#isOpen, 'a transaction is used only inside its body');
  }
}
