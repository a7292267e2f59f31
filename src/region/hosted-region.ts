// How a region looks to what the regions of a server share.

import type { CadastreError } from '../base/errors.js';
import type { RegionId, Revision } from '../base/ids.js';
import type { CompactionKind } from './compactor.js';

export interface HostedRegion {
  readonly regionId: RegionId;
  /** Of unflushed writes that no running flush covers. */
  readonly activeBytes: number;
  readonly oldestRevisionInUse: Revision | undefined;
  /** Too many store files: a flush had better wait for a compaction. */
  readonly isBlocked: boolean;
  /** Wall-clock time of the last flush, if there is something to flush since. */
  readonly unflushedSinceMs: number | undefined;
  readonly wantsMinorCompaction: boolean;
  wantsMajorCompactionByAge(): boolean;
  flush(): Promise<boolean>;
  /** Resolves to the bytes read. */
  compactNow(what: CompactionKind): Promise<number>;
  /** It serves nothing any more. */
  fence(error: CadastreError): void;
}
