// Checks of a table before anything is written: names, families, split keys. Each refusal names the
// value and what would be right; the limits are HBase's unless said otherwise.

import { CadastreError } from '../../base/errors.js';
import {
  formatTableName,
  type FamilyDescriptor,
  type TableDescriptor,
  type TableName,
} from '../../base/table.js';

/** A row key's length is a signed 16-bit number in HBase's cells. */
const rowBytesMax = 32_767;
/** A family's length is one signed byte in HBase's cells. */
const familyBytesMax = 127;
/** Regions a table may begin with: preparing more would hold the table's lock for minutes. */
export const splitKeysMax = 100_000;
const familiesMax = 1_000;
const tableNameBytesMax = 255;
const blockBytesMin = 512;
const blockBytesMax = 16 * 1024 * 1024;

/** The namespaces there are; others come with a later release. */
export const systemNamespace = 'hbase';
export const namespaces: readonly string[] = ['default', systemNamespace];

/** Throws `bad-request`, `namespace-not-found` or `not-supported`. */
export function checkTableName(name: TableName): void {
  checkNamespace(name.namespace);
  const { qualifier } = name;
  const wrong = /[^\p{L}\p{N}_.-]/u.exec(qualifier);
  if (qualifier === '') throw bad('a table needs a name', 'Give at least one character.');
  if (wrong !== null) {
    throw bad(
      `table name "${qualifier}" has an illegal character "${wrong[0]}" at ${wrong.index}`,
      'Use letters, digits, "_", "-" and ".".',
    );
  }
  if (/^[.-]/.test(qualifier)) {
    throw bad(
      `table name "${qualifier}" begins with "${qualifier.charAt(0)}"`,
      'Begin it with a letter, a digit or "_".',
    );
  }
  if (Buffer.byteLength(formatTableName(name)) > tableNameBytesMax) {
    throw bad(
      `table name "${qualifier}" has ${qualifier.length} characters`,
      `Use at most ${tableNameBytesMax} with the namespace.`,
    );
  }
}

/** Throws `namespace-not-found` for a namespace that does not exist. */
export function checkNamespace(namespace: string): void {
  if (namespaces.includes(namespace)) return;
  throw new CadastreError('namespace-not-found', namespace, {
    nextStep: 'Use the namespace default: others come with a later release.',
  });
}

/** Refuses changes of the tables that the master itself provides, such as hbase:meta. */
export function checkUserTable(name: TableName, verb: string): void {
  if (name.namespace !== systemNamespace) return;
  throw new CadastreError('constraint-violated', `Cannot ${verb} ${formatTableName(name)}`, {
    nextStep: 'The namespace hbase belongs to the system; use another one.',
  });
}

/** Throws `bad-request`, `invalid-family`, `constraint-violated`, or one of the name's errors. */
export function checkDescriptor(descriptor: TableDescriptor): void {
  checkTableName(descriptor.name);
  checkUserTable(descriptor.name, 'create');
  const { families } = descriptor;
  const table = formatTableName(descriptor.name);
  if (families.length === 0) {
    throw bad(`table ${table} has no column family`, 'Give at least one column family.');
  }
  if (families.length > familiesMax) {
    throw bad(`table ${table} has ${families.length} families`, `Use at most ${familiesMax}.`);
  }
  const seen = new Set<string>();
  for (const family of families) {
    checkFamily(family, table);
    if (seen.has(family.name)) {
      throw invalidFamily(`family "${family.name}" of ${table} is given twice`, 'Give it once.');
    }
    seen.add(family.name);
  }
}

function checkFamily(family: FamilyDescriptor, table: string): void {
  const { name } = family;
  const label = `family "${name}" of ${table}`;
  if (name === '') throw invalidFamily(`a family of ${table} has no name`, 'Name every family.');
  const bytes = Buffer.byteLength(name);
  if (bytes > familyBytesMax) {
    throw invalidFamily(`${label} has ${bytes} bytes`, `Use at most ${familyBytesMax}.`);
  }
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f:/\\]/.test(name) || name.startsWith('.')) {
    throw invalidFamily(
      `${label} has an illegal name`,
      'Use printable characters but ":", "/" and "\\", and no leading ".".',
    );
  }
  const { versionsMax, versionsMin, ttlSeconds, blockBytes } = family;
  if (versionsMax < 1) throw bad(`${label} has VERSIONS ${versionsMax}`, 'Give 1 or more.');
  if (versionsMin < 0 || versionsMin > versionsMax) {
    throw bad(
      `${label} has MIN_VERSIONS ${versionsMin} and VERSIONS ${versionsMax}`,
      'Give MIN_VERSIONS from 0 to VERSIONS.',
    );
  }
  if (ttlSeconds < 1) throw bad(`${label} has TTL ${ttlSeconds}`, 'Give seconds, 1 or more.');
  if (blockBytes < blockBytesMin || blockBytes > blockBytesMax) {
    throw bad(
      `${label} has BLOCKSIZE ${blockBytes}`,
      `Give bytes from ${blockBytesMin} to ${blockBytesMax}.`,
    );
  }
  if (family.compression !== 'none' && family.compression !== 'gzip') {
    throw new CadastreError(
      'not-supported',
      `${label} has COMPRESSION ${family.compression.toUpperCase()}, which is not written here`,
      { nextStep: 'Use NONE or GZ.' },
    );
  }
}

/** Throws `bad-request` unless the keys rise strictly and none is empty. */
export function checkSplitKeys(keys: readonly Buffer[]): void {
  if (keys.length > splitKeysMax) {
    throw bad(`${keys.length} split keys were given`, `Give at most ${splitKeysMax}.`);
  }
  keys.forEach((key, index) => {
    const shown = `split key ${index + 1} of ${keys.length}`;
    if (key.length === 0) throw bad(`${shown} is empty`, 'Leave it out.');
    if (key.length > rowBytesMax) {
      throw bad(`${shown} has ${key.length} bytes`, `Use at most ${rowBytesMax}.`);
    }
    const before = keys[index - 1];
    if (before === undefined) return;
    const order = Buffer.compare(before, key);
    if (order === 0) {
      throw bad(`${shown} is the same as the one before it: ${show(key)}`, 'Give each key once.');
    }
    if (order > 0) {
      throw bad(
        `${shown}, ${show(key)}, sorts before its predecessor ${show(before)}`,
        'Give the keys in rising order of their bytes.',
      );
    }
  });
}

/** The key ranges that split keys make: one more than there are keys. */
export function rangesOf(
  keys: readonly Buffer[],
): { readonly startKey: Buffer; readonly endKey: Buffer }[] {
  const edges = [Buffer.alloc(0), ...keys, Buffer.alloc(0)];
  return edges.slice(1).map((endKey, i) => ({ startKey: edges[i] ?? endKey, endKey }));
}

/** A key as people read it: printable ASCII as it is, the rest as \xNN. */
function show(key: Buffer): string {
  const text = key.subarray(0, 64).toString('latin1');
  const escaped = text.replace(
    /[^\x20-\x5b\x5d-\x7e]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
  return `"${escaped}"${key.length > 64 ? '…' : ''}`;
}

function bad(message: string, nextStep: string): CadastreError {
  return new CadastreError('bad-request', message, { nextStep });
}

function invalidFamily(message: string, nextStep: string): CadastreError {
  return new CadastreError('invalid-family', message, { nextStep });
}
