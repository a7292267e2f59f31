// What a client can ask of one region, as the wire, the region engine and the client share it.
// All bytes are views: whoever keeps them past the request copies them.

import type { Cell } from './cell.js';

/** Half-open, in milliseconds; halves as in cells. Absent means all of time. */
export interface TimeRange {
  readonly fromHigh: number;
  readonly fromLow: number;
  readonly untilHigh: number;
  readonly untilLow: number;
}

/** The columns asked of one family; no qualifiers means all of them. */
export interface FamilySelection {
  readonly family: Buffer;
  readonly qualifiers: readonly Buffer[];
}

/** A filter as it came over the wire: HBase's class name and its protobuf. */
export interface FilterSpec {
  readonly name: string;
  readonly body: Buffer;
}

/** What gets and scans have in common. No families means all. */
export interface Selection {
  readonly families: readonly FamilySelection[];
  readonly timeRange: TimeRange | undefined;
  /** Per family, overriding `timeRange`. */
  readonly familyTimeRanges: readonly { readonly family: Buffer; readonly range: TimeRange }[];
  readonly versionsMax: number;
  /** At most this many cells of each family of a row, after `storeOffset`; undefined: all. */
  readonly storeLimit: number | undefined;
  readonly storeOffset: number;
  readonly filter: FilterSpec | undefined;
  readonly cacheBlocks: boolean;
}

export interface Get extends Selection {
  readonly row: Buffer;
  readonly existenceOnly: boolean;
}

export interface Scan extends Selection {
  /** Empty: from the region's first row (last, when reversed). */
  readonly startRow: Buffer;
  readonly includeStart: boolean;
  /** Empty: to the region's end. */
  readonly stopRow: Buffer;
  readonly includeStop: boolean;
  readonly reversed: boolean;
  /** At most this many cells in one result; 0: a whole row in one. */
  readonly batch: number;
  /** Delete markers and all versions are shown. */
  readonly raw: boolean;
  readonly readUncommitted: boolean;
  /** Read as of this sequence number; 0: as of the opening. */
  readonly readPoint: number;
}

export type Durability = 'default' | 'skip' | 'async' | 'sync' | 'fsync';

/** Sent by a client so that a retried increment is applied once. Decimal text: they are 64 bits. */
export interface Nonce {
  readonly group: string;
  readonly nonce: string;
}

interface MutationBase {
  readonly row: Buffer;
  readonly durability: Durability;
  /** All of `row`; timestamps may be "latest", which the region replaces by its clock. */
  readonly cells: readonly Cell[];
}

/** Puts the cells. */
export interface Put extends MutationBase {
  readonly kind: 'put';
}
/** The cells are markers; with none, the whole row up to `timestamp` is deleted. */
export interface Delete extends MutationBase {
  readonly kind: 'delete';
  readonly timestampHigh: number;
  readonly timestampLow: number;
}
/** Each cell's value is a 64-bit big-endian amount that is added to the newest value. */
export interface Increment extends MutationBase {
  readonly kind: 'increment';
  readonly timeRange: TimeRange | undefined;
  readonly returnResult: boolean;
  readonly nonce: Nonce | undefined;
}
/** Each cell's value is appended to the newest value. */
export interface Append extends MutationBase {
  readonly kind: 'append';
  readonly timeRange: TimeRange | undefined;
  readonly returnResult: boolean;
  readonly nonce: Nonce | undefined;
}
export type Mutation = Put | Delete | Increment | Append;

export type CompareOperator =
  'less' | 'less-or-equal' | 'equal' | 'not-equal' | 'greater-or-equal' | 'greater' | 'no-op';

/** A comparator as it came over the wire: HBase's class name and its protobuf. */
export interface ComparatorSpec {
  readonly name: string;
  readonly body: Buffer;
}

/** When a check-and-mutate goes ahead. HBase compares (value given) OP (value stored). */
export type Condition =
  | {
      readonly kind: 'value';
      readonly row: Buffer;
      readonly family: Buffer;
      readonly qualifier: Buffer;
      readonly operator: CompareOperator;
      readonly comparator: ComparatorSpec;
      readonly timeRange: TimeRange | undefined;
    }
  | {
      readonly kind: 'filter';
      readonly row: Buffer;
      readonly filter: FilterSpec;
      readonly timeRange: TimeRange | undefined;
    };
