// Random requests and responses for property tests.

import * as fc from 'fast-check';
import { CellType, makeCell } from '../../base/cell.js';
import type { Cell } from '../../base/cell.js';
import type {
  Condition,
  Durability,
  Get,
  Mutation,
  Scan,
  TimeRange,
} from '../../base/operations.js';
import type {
  Action,
  CellResult,
  MultiRequest,
  MutateRequest,
  RegionAction,
  RegionSpecifier,
  ScanRequest,
} from '../client-messages.js';

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
}

const row = bytes(1, 40);
const family = bytes(1, 8);
const u32 = fc.nat(0xffffffff);
export const uint64 = fc.record({ high: u32, low: u32 });
const decimal64 = fc.bigInt(1n, 2n ** 64n - 1n).map(String);
const timestamp = fc.record({ high: fc.nat(0x7fffffff), low: u32 });

const timeRange: fc.Arbitrary<TimeRange | undefined> = fc.option(
  fc.tuple(fc.nat(0x7ffffffe), u32, u32).map(([high, fromLow, untilLow]) => ({
    fromHigh: high,
    fromLow,
    untilHigh: high + 1,
    untilLow,
  })),
  { nil: undefined },
);

const named = fc.record({ name: fc.string({ maxLength: 20 }), body: bytes(0, 20) });

export const region: fc.Arbitrary<RegionSpecifier> = fc.record({
  kind: fc.constantFrom('name', 'encoded'),
  value: bytes(0, 60),
});

const selection = {
  families: fc.array(fc.record({ family, qualifiers: fc.array(bytes(0, 10), { maxLength: 3 }) }), {
    maxLength: 3,
  }),
  timeRange,
  familyTimeRanges: fc.array(
    fc
      .tuple(family, timeRange)
      .filter(([, range]) => range !== undefined)
      .map(([name, range]) => ({ family: name, range: range as TimeRange })),
    { maxLength: 2 },
  ),
  versionsMax: fc.integer({ min: 1, max: 0x7fffffff }),
  storeLimit: fc.option(fc.nat(1000), { nil: undefined }),
  storeOffset: fc.nat(1000),
  filter: fc.option(named, { nil: undefined }),
  cacheBlocks: fc.boolean(),
};

export const get: fc.Arbitrary<Get> = fc.record({ ...selection, row, existenceOnly: fc.boolean() });

const scan: fc.Arbitrary<Scan> = fc.record({
  ...selection,
  startRow: bytes(0, 20),
  includeStart: fc.boolean(),
  stopRow: bytes(0, 20),
  includeStop: fc.boolean(),
  reversed: fc.boolean(),
  batch: fc.nat(100),
  raw: fc.boolean(),
  readUncommitted: fc.boolean(),
  readPoint: fc.maxSafeNat(),
});

const markers = [
  CellType.delete,
  CellType.deleteColumn,
  CellType.deleteFamily,
  CellType.deleteFamilyVersion,
] as const;

/** A cell; `valueLength` fixes its value's length. */
function cellOf(
  cellRow: fc.Arbitrary<Buffer>,
  type: fc.Arbitrary<CellType>,
  valueLength?: number,
): fc.Arbitrary<Cell> {
  return fc
    .record({
      row: cellRow,
      family,
      qualifier: bytes(0, 10),
      timestamp,
      type,
      value: valueLength === undefined ? bytes(0, 200) : bytes(valueLength, valueLength),
    })
    .map((parts) => makeCell(parts));
}

export const cell = cellOf(row, fc.constant(CellType.put));

const durability: fc.Arbitrary<Durability> = fc.constantFrom(
  'default',
  'skip',
  'async',
  'sync',
  'fsync',
);
const nonce = fc.option(fc.record({ group: fc.constant('7'), nonce: decimal64 }), {
  nil: undefined,
});

/** A mutation of the row, all of whose cells have it. */
function mutationOf(of: Buffer): fc.Arbitrary<Mutation> {
  const fixed = fc.constant(of);
  const common = { row: fixed, durability };
  const puts = cellOf(fixed, fc.constant(CellType.put));
  const deltas = { timeRange, returnResult: fc.boolean(), nonce };
  return fc.oneof(
    fc.record({
      ...common,
      kind: fc.constant('put' as const),
      cells: fc.array(puts, { maxLength: 4 }),
    }),
    fc.record({
      ...common,
      kind: fc.constant('delete' as const),
      cells: fc.array(cellOf(fixed, fc.constantFrom(...markers), 0), { maxLength: 3 }),
      timestampHigh: fc.nat(0x7fffffff),
      timestampLow: u32,
    }),
    fc.record({
      ...common,
      ...deltas,
      kind: fc.constant('increment' as const),
      cells: fc.array(cellOf(fixed, fc.constant(CellType.put), 8), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      ...common,
      ...deltas,
      kind: fc.constant('append' as const),
      cells: fc.array(puts, { minLength: 1, maxLength: 3 }),
    }),
  );
}

export const mutation = row.chain(mutationOf);

function conditionOf(of: Buffer): fc.Arbitrary<Condition> {
  const fixed = fc.constant(of);
  return fc.oneof(
    fc.record({
      kind: fc.constant('value' as const),
      row: fixed,
      family,
      qualifier: bytes(0, 8),
      operator: fc.constantFrom('less', 'equal', 'not-equal', 'greater', 'no-op'),
      comparator: named,
      timeRange,
    }),
    fc.record({ kind: fc.constant('filter' as const), row: fixed, filter: named, timeRange }),
  );
}

export const mutateRequest: fc.Arbitrary<MutateRequest> = row.chain((of) =>
  fc.record({
    region,
    mutation: mutationOf(of),
    condition: fc.option(conditionOf(of), { nil: undefined }),
  }),
);

const actions: fc.Arbitrary<Action[]> = fc
  .array(
    fc.oneof(
      get.map((value) => ({ kind: 'get' as const, index: 0, get: value })),
      mutation.map((value) => ({ kind: 'mutation' as const, index: 0, mutation: value })),
    ),
    { maxLength: 4 },
  )
  // Atomic actions travel without an index: it is their place.
  .map((list) => list.map((action, index) => ({ ...action, index })));

const regionAction: fc.Arbitrary<RegionAction> = row.chain((of) =>
  fc.record({
    region,
    isAtomic: fc.boolean(),
    condition: fc.option(conditionOf(of), { nil: undefined }),
    actions,
  }),
);

export const multiRequest: fc.Arbitrary<MultiRequest> = fc.record({
  regions: fc.array(regionAction, { maxLength: 3 }),
  hasRequestCondition: fc.constant(false),
});

const scanFlags = {
  rowsMax: fc.option(fc.nat(0x7fffffff), { nil: undefined }),
  isClosing: fc.boolean(),
  nextCall: fc.option(fc.maxSafeNat(), { nil: undefined }),
  rowsLimit: fc.nat(0x7fffffff),
  isRenewing: fc.boolean(),
  handlesPartials: fc.boolean(),
  handlesHeartbeats: fc.boolean(),
  tracksMetrics: fc.boolean(),
};

export const scanRequest: fc.Arbitrary<ScanRequest> = fc.oneof(
  fc.record({
    ...scanFlags,
    open: fc.record({ region, scan, sizeMax: fc.maxSafeNat() }),
    scannerId: fc.constant(undefined),
    wantsCursor: fc.boolean(),
  }),
  fc.record({
    ...scanFlags,
    open: fc.constant(undefined),
    scannerId: uint64,
    wantsCursor: fc.constant(false),
  }),
);

export const cellResult: fc.Arbitrary<CellResult> = fc.record({
  cells: fc.array(cell, { maxLength: 5 }),
});
