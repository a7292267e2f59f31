// Logs that something still needs: the write-ahead logs of servers, the catalog's own, sorted ones.

import type { Epoch, Incarnation, Revision } from '../../base/ids.js';
import type { LogNeed } from '../api.js';
import {
  encodePosition,
  decodePosition,
  fromWide,
  messageCodec,
  requirePosition,
  toWide,
} from '../codec.js';
import { LogSchema, SortedLogSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

const logCodec = messageCodec(
  LogSchema,
  ({ log, low, end }: LogNeed) => ({
    log,
    low: encodePosition(low),
    ...(end === undefined ? {} : { end: encodePosition(end) }),
  }),
  (message) => ({
    log: message.log,
    low: requirePosition(message.low, "a log's low position"),
    end: message.end === undefined ? undefined : decodePosition(message.end),
  }),
);

/** log/<incarnation>: a server's write-ahead log, from its registration to its last replay. */
export const logKind = defineKind<readonly [server: Incarnation], LogNeed>({
  name: 'log',
  type: 8,
  shape: ['number'],
  // Recovery reads the ranges that the catalog names (page 6).
  onRestore: 'keep',
  temperature: 'hot',
  ...logCodec,
});

/** catalog-log/<epoch>: a log of the catalog itself that a checkpoint has not overtaken yet. */
export const catalogLogKind = defineKind<readonly [epoch: Epoch], LogNeed>({
  name: 'catalog-log',
  type: 9,
  shape: ['number'],
  // Those of the world before are still there to be released, those of the snapshot are not.
  onRestore: 'merge',
  temperature: 'hot',
  ...logCodec,
});

/** A log range that was sorted by (region, sequence); it lives as long as slices refer to it. */
export interface SortedLogRecord {
  readonly bytes: number;
  readonly crc32: number;
  readonly birth: Revision;
  readonly entries: number;
  /** The logs whose edits it holds. */
  readonly sources: readonly string[];
}

/** sorted-log/<object> */
export const sortedLogKind = defineKind<readonly [object: string], SortedLogRecord>({
  name: 'sorted-log',
  type: 10,
  shape: ['string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    SortedLogSchema,
    (value: SortedLogRecord) => ({
      bytes: toWide(value.bytes, "a sorted log's bytes"),
      crc32: value.crc32,
      birth: toWide(value.birth, "a sorted log's birth"),
      entries: toWide(value.entries, "a sorted log's entries"),
      sources: [...value.sources],
    }),
    (message) => ({
      bytes: fromWide(message.bytes, "a sorted log's bytes"),
      crc32: message.crc32,
      birth: fromWide(message.birth, "a sorted log's birth") as Revision,
      entries: fromWide(message.entries, "a sorted log's entries"),
      sources: message.sources,
    }),
  ),
});
