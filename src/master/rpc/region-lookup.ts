// The region that a client names, by its full name or by the 32 digits of it.

import { CadastreError } from '../../base/errors.js';
import { formatTableName, regionName } from '../../base/table.js';
import type { TableName } from '../../base/table.js';
import type { Catalog } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { tableKind } from '../../catalog/records/tables.js';
import { RegionSpecifier_RegionSpecifierType } from '../../wire/generated/hbase/hbase_pb.js';
import type { RegionSpecifier } from '../../wire/generated/hbase/hbase_pb.js';
import type { RegionImage } from '../assignment/image.js';
import { findRegion } from '../assignment/region-writes.js';
import { regionIdOfName } from '../meta/meta-image.js';

export interface NamedRegion {
  readonly region: RegionRecord;
  readonly table: TableName;
}

/** Throws `bad-request` if there is no such region. */
export function lookUpRegion(
  catalog: Catalog,
  image: RegionImage,
  specifier: RegionSpecifier | undefined,
): NamedRegion {
  if (specifier === undefined) throw new CadastreError('bad-request', 'no region is named');
  const value = Buffer.from(specifier.value);
  const isName = specifier.type === RegionSpecifier_RegionSpecifierType.REGION_NAME;
  const text = value.toString('latin1');
  // HBase's shell gives either form under either type.
  const id = (isName ? regionIdOfName(value) : undefined) ?? image.byEncodedName(text);
  const region = id === undefined ? undefined : findRegion(catalog, catalog.durable, id);
  const table = region && catalog.durable.get(tableKind, [region.tableId])?.descriptor.name;
  if (region !== undefined && table !== undefined) {
    const isSame = text.includes(',') ? regionName({ ...region, table }).equals(value) : true;
    if (isSame) return { region, table };
  }
  throw new CadastreError('bad-request', `there is no region ${text}`, {
    nextStep: 'Read its name in hbase:meta.',
  });
}

/** `region 7 of t`, for messages. */
export function regionText({ region, table }: NamedRegion): string {
  return `region ${region.regionId} of ${formatTableName(table)}`;
}
