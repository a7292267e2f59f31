import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { ScanOptions } from './table.js';
import { FakeCluster } from './testing/fake-cluster.js';

const key = fc.string({
  unit: fc.constantFrom('a', 'b', 'm', 'z', '\0'),
  minLength: 1,
  maxLength: 3,
});
const faults = fc.array(
  fc.constantFrom(
    'none',
    'unknown-scanner',
    'scanner-reset',
    'region-not-serving',
    'server-stopped',
  ),
  { maxLength: 12 },
);

async function filled(
  rows: readonly string[],
  splits: readonly string[],
  cellsPerRow = 4,
): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(splits);
  const table = cluster.client().table('t');
  const columns = Array.from({ length: cellsPerRow }, (_, i) => [`f:${i}`, `v${i}`] as const);
  await cluster.simulation.run(
    table.batch(
      rows.map((row) => ({ kind: 'put', row, values: Object.fromEntries(columns) }) as const),
    ),
  );
  return cluster;
}

/** Rows and their cells, one text for each piece of a row. */
async function scanned(cluster: FakeCluster, options: ScanOptions): Promise<string[]> {
  const seen: string[] = [];
  await cluster.simulation.run(async () => {
    for await (const row of cluster.client().table('t').scan(options)) {
      seen.push(`${row.key.toString()}:${row.cells.map((cell) => cell.value.toString()).join()}`);
    }
  });
  return seen;
}

describe('a scan', () => {
  it('gives every row once and in order, whatever is cut, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 20 }),
        fc.uniqueArray(key, { maxLength: 3 }),
        fc.record({
          reversed: fc.boolean(),
          start: fc.option(key, { nil: undefined }),
          stop: fc.option(key, { nil: undefined }),
          includeStart: fc.boolean(),
          includeStop: fc.boolean(),
        }),
        fc.record({
          results: fc.integer({ min: 1, max: 5 }),
          cells: fc.integer({ min: 1, max: 6 }),
        }),
        fc.integer({ min: 0, max: 3 }),
        faults,
        async (rows, splits, range, cuts, batch, failures) => {
          const cluster = await filled(rows, [...splits].sort(compare));
          cluster.cuts = () => cuts;
          const left = [...failures];
          cluster.fault = (call) => {
            const next = call === 'Open' || call === 'Next' ? left.shift() : undefined;
            if (next === undefined || next === 'none') return undefined;
            return new CadastreError(next, 'injected');
          };
          const { start, stop, ...flags } = range;
          const seen = await scanned(cluster, {
            ...flags,
            batch,
            ...(start === undefined ? {} : { start }),
            ...(stop === undefined ? {} : { stop }),
          });
          expect(seen).toEqual(expected(rows, range, batch));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('stops at its limit, and closes what it leaves open', async () => {
    const cluster = await filled(['a', 'b', 'c', 'n', 'o'], ['m'], 1);
    cluster.cuts = () => ({ results: 1, cells: 10 });
    expect(await scanned(cluster, { limit: 4 })).toEqual(['a:v0', 'b:v0', 'c:v0', 'n:v0']);
    await cluster.simulation.run(async () => {
      for await (const row of cluster.client().table('t').scan()) {
        expect(row.key.toString()).toBe('a');
        break;
      }
    });
    await cluster.simulation.runFor(1_000);
    expect(cluster.count('Close')).toBe(1);
  });

  it('of a prefix gives the rows that start so, either way', async () => {
    const cluster = await filled(['ab', 'b', 'ba', 'bz', 'c'], ['bm'], 1);
    expect(await scanned(cluster, { prefix: 'b' })).toEqual(['b:v0', 'ba:v0', 'bz:v0']);
    expect(await scanned(cluster, { prefix: 'b', reversed: true })).toEqual([
      'bz:v0',
      'ba:v0',
      'b:v0',
    ]);
  });

  it('asks for an old read point only within a row of which it gave pieces out', async () => {
    const opened = async (batch: number): Promise<readonly number[]> => {
      const cluster = await filled(['a', 'b', 'c'], [], 4);
      cluster.cuts = () => ({ results: 1, cells: 2 });
      const failures = ['none', 'none', 'unknown-scanner', 'none', 'unknown-scanner'] as const;
      const left = [...failures];
      cluster.fault = (call) => {
        const next = call === 'Open' || call === 'Next' ? left.shift() : undefined;
        return next === undefined || next === 'none'
          ? undefined
          : new CadastreError(next, 'injected');
      };
      await scanned(cluster, { batch });
      return cluster.readPoints;
    };
    expect(new Set(await opened(0))).toEqual(new Set([0]));
    expect(await opened(1)).toContain(1);
  });

  it('goes on after its server was killed in the middle of it', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `r${String(i).padStart(2, '0')}`);
    const cluster = await filled(rows, ['r10', 'r20'], 1);
    cluster.cuts = () => ({ results: 3, cells: 10 });
    const seen: string[] = [];
    await cluster.simulation.run(async () => {
      for await (const row of cluster.client().table('t').scan()) {
        seen.push(row.key.toString());
        if (seen.length !== 12) continue;
        cluster.simulation.node('server-0').kill();
        for (const at of [0, 1, 2]) cluster.move(at, 1);
      }
    });
    expect(seen).toEqual(rows);
  });
});

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface Range {
  readonly reversed: boolean;
  readonly start: string | undefined;
  readonly stop: string | undefined;
  readonly includeStart: boolean;
  readonly includeStop: boolean;
}

function expected(rows: readonly string[], range: Range, batch: number): string[] {
  const { reversed, start, stop, includeStart, includeStop } = range;
  const sign = reversed ? -1 : 1;
  const values = ['v0', 'v1', 'v2', 'v3'];
  const pieces = batch === 0 ? [values] : chunks(values, batch);
  return [...rows]
    .sort((a, b) => compare(a, b) * sign)
    .filter((row) => {
      const fromStart = start === undefined ? 1 : compare(row, start) * sign;
      const toStop = stop === undefined ? -1 : compare(row, stop) * sign;
      return (
        (fromStart > 0 || (fromStart === 0 && includeStart)) &&
        (toStop < 0 || (toStop === 0 && includeStop))
      );
    })
    .flatMap((row) => pieces.map((piece) => `${row}:${piece.join()}`));
}

function chunks(values: readonly string[], size: number): string[][] {
  const pieces: string[][] = [];
  for (let at = 0; at < values.length; at += size) pieces.push(values.slice(at, at + size));
  return pieces;
}
