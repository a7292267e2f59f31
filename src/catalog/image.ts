// The catalog in memory at one revision: a copy-on-write ordered map from encoded keys to decoded
// values. The same map serves the tail, the durable revision and every held one.
//
// Invariants:
// 1. A scan shows each record at most once and in order, also when the image changes under it.
// 2. A clone costs O(1), and neither side sees the other's later changes.

import { EmptyBTree } from 'sorted-btree';
import type BTreeModule from 'sorted-btree';
import type { CatalogEntry, CatalogKey, KeyPrefix, RecordKind, ScanOptions } from './api.js';
import { CadastreError } from '../base/errors.js';
import { formatKey, prefixEnd } from './tuple.js';

type Tree = BTreeModule.default<string, Stored>;
// The package is CommonJS: bundlers and Node disagree about what its default import is, and agree
// about this.
const BTree = EmptyBTree.constructor as typeof BTreeModule.default;

/** A value that could not be decoded, kept as it came (L10). */
export class Quarantined {
  readonly type: number;
  readonly version: number;
  readonly body: Uint8Array;
  readonly reason: string;

  constructor(type: number, version: number, body: Uint8Array, reason: string) {
    this.type = type;
    this.version = version;
    this.body = body;
    this.reason = reason;
  }
}

/** A decoded value, or the quarantined bytes of one. */
export type Stored = unknown;

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export class Image {
  readonly #tree: Tree;
  /** Counts changes, so that a running scan knows that its iterator is stale. */
  #changes = 0;

  constructor(tree: Tree = new BTree<string, Stored>([], compare)) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#tree.size;
  }

  clone(): Image {
    return new Image(this.#tree.clone());
  }

  find(key: string): Stored {
    return this.#tree.get(key);
  }

  /** `undefined` deletes. */
  set(key: string, value: Stored): void {
    this.#changes++;
    if (value === undefined) this.#tree.delete(key);
    else this.#tree.set(key, value);
  }

  /** Every record, undecoded keys and quarantined values included. */
  entries(): IterableIterator<[string, Stored]> {
    return this.#tree.entries();
  }

  get<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): Value | undefined {
    const encoded = kind.encodeKey(key as KeyPrefix<Key>);
    const value = this.#tree.get(encoded);
    if (value instanceof Quarantined) {
      const name = formatKey(encoded);
      throw new CadastreError('corruption', `${name} is quarantined: ${value.reason}`, {
        nextStep: 'see the list of quarantined records; a newer version may be able to read it',
      });
    }
    return value as Value | undefined;
  }

  *scan<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    options: ScanOptions<Key> = {},
  ): IterableIterator<CatalogEntry<Key, Value>> {
    const { low, high } = bounds(kind, options);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const keys = options.reverse === true ? this.#down(low, high) : this.#up(low, high);
    for (const [encoded, value] of keys) {
      if (value instanceof Quarantined) continue;
      if (left-- <= 0) return;
      yield { key: kind.decodeKey(encoded), value: value as Value };
    }
  }

  /** From `low` inclusive to `high` exclusive. */
  *#up(low: string, high: string): IterableIterator<[string, Stored]> {
    let seen = this.#changes;
    let pairs = this.#tree.entries(low);
    let last: string | undefined;
    for (;;) {
      if (seen !== this.#changes) {
        seen = this.#changes;
        pairs = this.#tree.entries(last ?? low);
      }
      const next = pairs.next();
      if (next.done === true || next.value[0] >= high) return;
      if (next.value[0] === last) continue;
      last = next.value[0];
      yield next.value;
    }
  }

  /** From `high` exclusive down to `low` inclusive. */
  *#down(low: string, high: string): IterableIterator<[string, Stored]> {
    let seen = this.#changes;
    let last = high;
    let pairs = this.#tree.entriesReversed(high, undefined, true);
    for (;;) {
      if (seen !== this.#changes) {
        seen = this.#changes;
        pairs = this.#tree.entriesReversed(last, undefined, true);
      }
      const next = pairs.next();
      if (next.done === true || next.value[0] < low) return;
      last = next.value[0];
      yield next.value;
    }
  }
}

/** The encoded range of a scan: `low` inclusive, `high` exclusive. */
function bounds<Key extends CatalogKey>(
  kind: RecordKind<Key, unknown>,
  { prefix, from, after, reverse }: ScanOptions<Key>,
): { readonly low: string; readonly high: string } {
  const inside = kind.encodeKey(prefix ?? ([] as CatalogKey as KeyPrefix<Key>));
  let low = inside;
  let high = inside + prefixEnd;
  if (reverse === true) {
    if (from !== undefined) high = smaller(high, kind.encodeKey(from) + prefixEnd);
    if (after !== undefined) high = smaller(high, kind.encodeKey(after as KeyPrefix<Key>));
  } else {
    if (from !== undefined) low = larger(low, kind.encodeKey(from));
    // A whole key is no leading part of another one, so that the next key is past its end.
    if (after !== undefined) {
      low = larger(low, kind.encodeKey(after as KeyPrefix<Key>) + prefixEnd);
    }
  }
  return { low, high };
}

function smaller(a: string, b: string): string {
  return a < b ? a : b;
}

function larger(a: string, b: string): string {
  return a > b ? a : b;
}
