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

export class OpenTransaction implements Transaction {
  readonly revision: Revision;
  readonly #image: Image;
  readonly #writes = new Map<string, Write>();
  #isOpen = true;

  constructor(image: Image, revision: Revision) {
    this.#image = image;
    this.revision = revision;
  }

  get writes(): ReadonlyMap<string, Write> {
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
    const write = this.#writes.get(key);
    if (write === undefined) {
      this.#writes.set(key, { key, kind, before: this.#image.find(key), after });
    } else {
      write.after = after;
    }
    this.#image.set(key, after);
  }

  rollback(): void {
    for (const { key, before } of this.#writes.values()) this.#image.set(key, before);
  }

  end(): void {
    this.#isOpen = false;
  }

  #check(): void {
    assert(this.#isOpen, 'a transaction is used only inside its body');
  }
}
