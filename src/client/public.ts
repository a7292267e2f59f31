// The public entry of the client: everything that users of the package may import, apart from
// `connect`, which stands in node.ts because it brings the real world along.

export { Admin } from './admin.js';
export type { RegionDescription } from './admin.js';
export type { BatchOutcome } from './batch.js';
export { int64, json, readBigInt64, readInt64, rowBehindPrefix } from './bytes.js';
export type { Bytes } from './bytes.js';
export { Client } from './client.js';
export type { ClientOptions } from './client.js';
export type { ClusterStatus, ServerStatus } from './cluster-status.js';
export type { Check } from './condition.js';
export type {
  AppendOperation,
  DeleteOperation,
  DeleteTarget,
  GetOperation,
  IncrementOperation,
  MutationOperation,
  Operation,
  PutCell,
  PutOperation,
  PutValues,
  WriteOptions,
} from './operations.js';
export { Row } from './row.js';
export type { Column, ReadOptions, Timestamp } from './selection.js';
export { Table } from './table.js';
export type { ScanOptions } from './table.js';
export type { FamilyInput, TableInput } from './table-input.js';
export { Cell, CellType } from '../base/cell.js';
export { CadastreError } from '../base/errors.js';
export type { ErrorCode, ErrorKind } from '../base/errors.js';
export type { FamilyDescriptor, TableDescriptor } from '../base/table.js';
