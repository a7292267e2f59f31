// Checkpoints of the catalog that were begun. The row stands before the first object is written, so
// that the objects of one that was never finished, or was overtaken, are found and collected.

import type { Epoch, Revision } from '../../base/ids.js';
import { fromWide, messageCodec, toWide } from '../codec.js';
import { CheckpointSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

export interface CheckpointRecord {
  /** The last revision when it was begun. */
  readonly revision: Revision;
}

/** checkpoint/<epoch>/<number within the epoch> */
export const checkpointKind = defineKind<readonly [epoch: Epoch, number: number], CheckpointRecord>(
  {
    name: 'checkpoint',
    type: 17,
    shape: ['number', 'number'],
    // The files of the world before are still there to be collected.
    onRestore: 'merge',
    temperature: 'hot',
    ...messageCodec(
      CheckpointSchema,
      (value: CheckpointRecord) => ({ revision: toWide(value.revision, 'a revision') }),
      (message) => ({ revision: fromWide(message.revision, 'a revision') as Revision }),
    ),
  },
);
