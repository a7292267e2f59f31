// How callers name tables and describe new ones.

import { CadastreError } from '../base/errors.js';
import { familyDescriptor } from '../base/table.js';
import type { FamilyDescriptor, TableDescriptor, TableName } from '../base/table.js';
import { parseFamily, tableNameOf } from '../wire/table-schema.js';
import type { Bytes } from './bytes.js';

/** A family: its name, with our settings, or with HBase's by their names (`VERSIONS`, `TTL`, …). */
export type FamilyInput =
  | string
  | ({ readonly name: string } & Partial<Omit<FamilyDescriptor, 'name' | 'attributes'>>)
  | { readonly name: string; readonly attributes: Readonly<Record<string, string>> };

export interface TableInput {
  /** `table` or `namespace:table`. */
  readonly name: string;
  readonly families: readonly FamilyInput[];
  /** First rows of all regions but the first. */
  readonly splits?: readonly Bytes[];
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Throws `bad-request` for a name that no table can have. */
export function parseTableName(text: string): TableName {
  const colon = text.indexOf(':');
  const namespace = colon < 0 ? 'default' : text.slice(0, colon);
  return tableNameOf({
    namespace: Buffer.from(namespace),
    qualifier: Buffer.from(text.slice(colon + 1)),
  });
}

/** Throws `bad-request` or `not-supported`, naming setting and value. */
export function descriptorOf(input: TableInput): TableDescriptor {
  if (input.families.length === 0) {
    throw new CadastreError('bad-request', `table ${input.name} has no column family`, {
      nextStep: 'Name at least one.',
    });
  }
  return {
    name: parseTableName(input.name),
    families: input.families.map(familyOf),
    attributes: input.attributes ?? {},
  };
}

function familyOf(input: FamilyInput): FamilyDescriptor {
  if (typeof input === 'string') return familyDescriptor(input);
  if ('attributes' in input) return parseFamily(input.name, input.attributes);
  const { name, ...changes } = input;
  return familyDescriptor(name, changes);
}

export function noTable(name: string): CadastreError {
  return new CadastreError('table-not-found', `there is no table ${name}`, {
    nextStep: 'Create it, or look for its name with "cadastre table list".',
  });
}
