// Keys in order over nested directories.
//
// A directory sorts as its name with a `/`, because that is how the keys in it go on: `a-b` comes
// before `a/b`, and `a/b` before `a0`.

import type { DiskEntry } from '../disk.js';
import type { ObjectInfo } from '../object-store.js';

const headsAtOnce = 16;
const partSyntax = /^[A-Za-z0-9._-]+$/;

export interface Listing {
  /** Entries of a folder: empty, or parts each followed by `/`. */
  readonly entriesOf: (folder: string) => Promise<readonly DiskEntry[]>;
  readonly head: (key: string) => Promise<ObjectInfo | undefined>;
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

/** Fewer than `limit` only if there are no more, though objects vanish while it runs. */
export async function listObjects(listing: Listing): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  let keys: string[] = [];
  const look = async (): Promise<void> => {
    const infos = await Promise.all(keys.map(listing.head));
    keys = [];
    for (const info of infos) if (info !== undefined) found.push(info);
  };
  const base = listing.prefix.slice(0, listing.prefix.lastIndexOf('/') + 1);
  for await (const key of keysIn(listing, base)) {
    if (found.length >= listing.limit) break;
    keys.push(key);
    if (keys.length >= Math.min(headsAtOnce, listing.limit - found.length)) await look();
  }
  await look();
  return found;
}

async function* keysIn(listing: Listing, folder: string): AsyncGenerator<string> {
  const { prefix, after } = listing;
  const paths = (await listing.entriesOf(folder))
    .filter((entry) => partSyntax.test(entry.name))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory ? '/' : ''}`)
    .sort((left, right) => (left < right ? -1 : 1));
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    if (!path.endsWith('/')) {
      if (path > after) yield path;
    } else if (path > after || after.startsWith(path)) {
      yield* keysIn(listing, path);
    }
  }
}
