// How a kind of record is declared, and how kinds are found again by the keys in a log.
//
// A kind's name and type are durable: they are never changed and never given to another kind.

import { assert } from '../base/assert.js';
import type {
  CatalogKey,
  KeyPrefix,
  KeyShape,
  ObjectReference,
  OnRestore,
  RecordKind,
} from './api.js';
import { checkShape, decodeTuple, encodeTuple } from './tuple.js';

/** What a kind declares. `onRestore` has no default, so that nobody forgets to decide. */
interface KindSpec<Key extends CatalogKey, Value> {
  readonly name: string;
  readonly type: number;
  readonly version: number;
  readonly shape: KeyShape<Key>;
  readonly onRestore: OnRestore;
  readonly temperature: 'hot' | 'cold';
  encode(value: Value): Uint8Array;
  decode(version: number, bytes: Uint8Array): Value;
  references?(value: Value): readonly ObjectReference[];
}

/** A kind of record whose keys are (name, ...key). */
export function defineKind<Key extends CatalogKey, Value>(
  spec: KindSpec<Key, Value>,
): RecordKind<Key, Value> {
  assert(spec.type > 0 && spec.type <= 0xffff, 'a type is a u16');
  assert(spec.version > 0 && spec.version <= 0xffff, 'a version is a u16');
  const start = encodeTuple([spec.name]);
  return {
    ...spec,
    encodeKey: (key: KeyPrefix<Key>) => start + encodeTuple(key as CatalogKey),
    decodeKey: (encoded) => {
      const parts = decodeTuple(encoded.slice(start.length));
      checkShape(parts, spec.shape, spec.name);
      return parts as CatalogKey as Key;
    },
  };
}

/** A kind of which only name, key and codec matter, not the types. */
export type AnyKind = RecordKind<CatalogKey, unknown>;

/** Finds the kind of an encoded key. */
export class KindRegistry {
  readonly #byName = new Map<string, AnyKind>();

  constructor(kinds: readonly AnyKind[]) {
    const types = new Set<number>();
    for (const kind of kinds) {
      assert(!types.has(kind.type), `the type ${kind.type} is used once`);
      assert(!this.#byName.has(kind.name), `the name ${kind.name} is used once`);
      types.add(kind.type);
      this.#byName.set(kind.name, kind);
    }
  }

  /** The kind whose name is the key's first part, if it is one of ours. */
  ofKey(encoded: string): AnyKind | undefined {
    // The name is ASCII text: tag, characters, zero.
    return this.#byName.get(encoded.slice(1, encoded.indexOf('\u0000')));
  }
}
