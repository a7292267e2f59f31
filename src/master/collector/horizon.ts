// The horizon: the oldest revision that anyone may still read. What died after it stays.
//
// Order (race S29): the durable revision first, then whoever holds something. A holder that comes
// later holds that revision or a newer one, in which nothing that died before it can be seen.

import type { Catalog } from '../../catalog/api.js';
import type { Revision } from '../../base/ids.js';

/** Someone who reads older revisions: region servers' scans, pins. */
export interface HorizonSource {
  /** For people: what holds the horizon. */
  readonly name: string;
  /** Undefined: nothing but the newest. Throws if it cannot tell: then nothing is deleted. */
  oldest(): Revision | undefined | Promise<Revision | undefined>;
}

export interface Horizon {
  readonly revision: Revision;
  /** Whose revision that is. */
  readonly holder: string;
}

export async function readHorizon(
  catalog: Pick<Catalog, 'durable' | 'oldestHeld'>,
  sources: readonly HorizonSource[],
): Promise<Horizon> {
  let horizon: Horizon = { revision: catalog.durable.revision, holder: 'the durable revision' };
  const lower = (revision: Revision | undefined, holder: string) => {
    if (revision !== undefined && revision < horizon.revision) horizon = { revision, holder };
  };
  lower(catalog.oldestHeld, 'a held view of the catalog');
  for (const source of sources) lower(await source.oldest(), source.name);
  return horizon;
}
