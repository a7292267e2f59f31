// Views of the catalog, and the revisions that somebody holds.
//
// Invariant: a held revision lives exactly as long as one of its holders.

import { CadastreError } from '../base/errors.js';
import type { Revision } from '../base/ids.js';
import type {
  CatalogEntry,
  CatalogKey,
  CatalogView,
  HeldView,
  RecordKind,
  ScanOptions,
} from './api.js';
import type { Image } from './image.js';

/** An image with its revision, which may move on. */
export class ImageView implements CatalogView {
  readonly #image: Image;
  readonly #revision: () => Revision;

  constructor(image: Image, revision: () => Revision) {
    this.#image = image;
    this.#revision = revision;
  }

  get revision(): Revision {
    return this.#revision();
  }

  get<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): Value | undefined {
    return this.#image.get(kind, key);
  }

  scan<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    options?: ScanOptions<Key>,
  ): IterableIterator<CatalogEntry<Key, Value>> {
    return this.#image.scan(kind, options);
  }
}

interface Held {
  readonly image: Image;
  holders: number;
}

export class HeldViews {
  /** In order of revision, because only the newest one is ever added. */
  readonly #held = new Map<Revision, Held>();

  get oldest(): Revision | undefined {
    for (const revision of this.#held.keys()) return revision;
    return undefined;
  }

  /** Holds `revision`, which is `newest` or held already. */
  hold(
    revision: Revision,
    newest: { readonly revision: Revision; readonly image: Image },
  ): HeldView {
    let held = this.#held.get(revision);
    if (held === undefined) {
      if (revision !== newest.revision) {
        throw new CadastreError(
          'bad-request',
          `revision ${revision} is not held; the durable one is ${newest.revision}`,
          { nextStep: 'hold the durable revision, or one that somebody holds' },
        );
      }
      held = { image: newest.image.clone(), holders: 0 };
      this.#held.set(revision, held);
    }
    held.holders++;
    return this.#view(revision, held);
  }

  #view(revision: Revision, held: Held): HeldView {
    const view = new ImageView(held.image, () => revision);
    let isHeld = true;
    return {
      revision,
      get: (kind, key) => view.get(kind, key),
      scan: (kind, options) => view.scan(kind, options),
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--held.holders === 0) this.#held.delete(revision);
      },
    };
  }
}
