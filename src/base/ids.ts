// The numbers that name things, each a type of its own, and how ids are made.
//
// Invariants:
// 1. No id is ever used twice, not even after a restore (L5): an id is (timeline, counter), packed
//    into one safe integer, and a restore starts a new timeline.
// 2. Every number here is a non-negative safe integer.

import type { Brand } from './brand.js';
import { assert } from './assert.js';

/** Number of a master's reign; stands in the election register. */
export type Epoch = Brand<number, 'Epoch'>;
/** Number of the system's history; a restore starts the next one. */
export type Timeline = Brand<number, 'Timeline'>;
/** Number of one run of a region server; also its start code for HBase's clients. */
export type Incarnation = Brand<number, 'Incarnation'>;
/** Number of a region's assignments; rises with each. */
export type Generation = Brand<number, 'Generation'>;
/** Sequence number of an edit within one region. */
export type Sequence = Brand<number, 'Sequence'>;
/** Number of a catalog transaction. */
export type Revision = Brand<number, 'Revision'>;
export type TableId = Brand<number, 'TableId'>;
export type RegionId = Brand<number, 'RegionId'>;
export type ProcedureId = Brand<number, 'ProcedureId'>;

const counterSpan = 2 ** 40;
/** Timelines are below this, so that packed ids stay safe integers. */
export const timelinesMax = 2 ** 13;

/** Packs (timeline, counter) into one safe integer; ids of later timelines are larger. */
export function packId(timeline: Timeline, counter: number): number {
  assert(timeline < timelinesMax, 'L5: the timeline fits its bits');
  assert(Number.isSafeInteger(counter) && counter < counterSpan, 'L5: the counter fits its bits');
  return timeline * counterSpan + counter;
}
