// Tables, families and regions as everything above speaks of them, and HBase's names for regions.

import type { RegionId, TableId } from './ids.js';
import { md5Hex } from './hash.js';

export interface TableName {
  readonly namespace: string;
  readonly qualifier: string;
}

/** `qualifier` in the default namespace, else `namespace:qualifier`. */
export function formatTableName(name: TableName): string {
  return name.namespace === 'default' ? name.qualifier : `${name.namespace}:${name.qualifier}`;
}

export type KeepDeletedCells = 'false' | 'true' | 'ttl';
export type Compression = 'none' | 'gzip' | 'snappy' | 'zstd' | 'lz4' | 'lzo';
export type BloomFilterKind = 'none' | 'row' | 'rowcol';

/** The settings of one column family, HBase's names and defaults. */
export interface FamilyDescriptor {
  readonly name: string;
  /** Default 1. */
  readonly versionsMax: number;
  /** Default 0: with a TTL, at least so many versions are kept. */
  readonly versionsMin: number;
  /** Seconds; `forever` is 2147483647. */
  readonly ttlSeconds: number;
  readonly keepDeletedCells: KeepDeletedCells;
  readonly compression: Compression;
  readonly bloomFilter: BloomFilterKind;
  /** Bytes of a data block before compression; default 65536. */
  readonly blockBytes: number;
  readonly blockCache: boolean;
  readonly inMemory: boolean;
  /** Every attribute as the client gave it, so that a description returns what was sent. */
  readonly attributes: Readonly<Record<string, string>>;
}

export const ttlForever = 2_147_483_647;

export interface TableDescriptor {
  readonly name: TableName;
  readonly families: readonly FamilyDescriptor[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A family with HBase's defaults, changed by what is given. */
export function familyDescriptor(
  name: string,
  changes: Partial<Omit<FamilyDescriptor, 'name'>> = {},
): FamilyDescriptor {
  return {
    name,
    versionsMax: 1,
    versionsMin: 0,
    ttlSeconds: ttlForever,
    keepDeletedCells: 'false',
    compression: 'none',
    bloomFilter: 'row',
    blockBytes: 65_536,
    blockCache: true,
    inMemory: false,
    attributes: {},
    ...changes,
  };
}

/** A region's identity: which rows of which table. `startKey` inclusive, `endKey` exclusive or empty. */
export interface RegionInfo {
  readonly tableId: TableId;
  readonly table: TableName;
  readonly regionId: RegionId;
  readonly startKey: Buffer;
  readonly endKey: Buffer;
}

/**
 * The full name clients build for themselves from table, start key and id:
 * `TABLE,STARTKEY,ID.ENCODED.` where ENCODED is the MD5 of all before the dot.
 */
export function regionName(region: Omit<RegionInfo, 'tableId' | 'endKey'>): Buffer {
  const stem = regionNameStem(region);
  return Buffer.concat([stem, Buffer.from(`.${md5Hex(stem)}.`)]);
}

/** The 32 hexadecimal digits of a region's name. */
export function encodedRegionName(region: Omit<RegionInfo, 'tableId' | 'endKey'>): string {
  return md5Hex(regionNameStem(region));
}

function regionNameStem(region: Omit<RegionInfo, 'tableId' | 'endKey'>): Buffer {
  const table = Buffer.from(`${formatTableName(region.table)},`);
  return Buffer.concat([table, region.startKey, Buffer.from(`,${region.regionId}`)]);
}

/** Whether a region holds a row. */
export function regionContains(
  region: Pick<RegionInfo, 'startKey' | 'endKey'>,
  row: Buffer,
): boolean {
  if (Buffer.compare(row, region.startKey) < 0) return false;
  return region.endKey.length === 0 || Buffer.compare(row, region.endKey) < 0;
}
