import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CadastreError } from '../../base/errors.js';
import { toBuffer } from '../../client/bytes.js';
import type { BatchOutcome, Operation } from '../../client/public.js';
import { CheckpointFile } from './checkpoint.js';
import { checkpointSchema, freshStart, Import } from './import.js';
import { parseLine } from './json-lines.js';
import { linesOf } from './lines.js';
import type { Line } from './lines.js';

const directory = mkdtempSync(join(tmpdir(), 'cadastre-import-'));
let silence: { mockRestore(): void };
beforeAll(() => {
  silence = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterAll(() => {
  silence.mockRestore();
  rmSync(directory, { recursive: true });
});

/** A table that keeps rows, refuses those of `refuses`, and is gone after `batchesMax` batches. */
function tableOf(options: { readonly refuses?: string; readonly batchesMax?: number } = {}) {
  const rows = new Map<string, string>();
  let batches = 0;
  const batch = (operations: readonly Operation[]): Promise<BatchOutcome[]> => {
    batches += 1;
    const isGone = batches > (options.batchesMax ?? Infinity);
    return Promise.resolve(
      operations.map((operation): BatchOutcome => {
        const row = toBuffer(operation.row).toString();
        if (isGone) return failed(new CadastreError('timed-out', 'nobody answers'));
        if (row === options.refuses) return failed(new CadastreError('family-not-found', 'no f'));
        rows.set(row, JSON.stringify(operation));
        return { kind: 'done', row: undefined };
      }),
    );
  };
  return { batch, rows };
}

function failed(error: CadastreError): BatchOutcome {
  return { kind: 'failed', error };
}

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function inputOf(name: string, lines: readonly string[]) {
  const file = join(directory, name);
  writeFileSync(file, lines.join('\n'));
  const checkpoint = new CheckpointFile(`${file}.checkpoint`, checkpointSchema);
  return { file, options: { checkpoint, rejected: `${file}.rejected`, inFlight: 3 } };
}

const rowLine = (row: string) => `{"row":"${row}","values":{"f:q":"v"}}`;

describe('lines', () => {
  it('are the same whatever pieces they come in, each with where it ends', async () => {
    const bytes = Buffer.from('one\n\ntwö\nlast');
    for (let size = 1; size <= bytes.length; size++) {
      const lines: Line[] = [];
      for await (const some of linesOf(chunksOf(bytes, size), { offset: 100, lines: 7 })) {
        lines.push(...some);
      }
      expect(lines.map(({ text }) => text)).toEqual(['one', '', 'twö', 'last']);
      expect(lines.map(({ number }) => number)).toEqual([8, 9, 10, 11]);
      expect(lines.map(({ end }) => end)).toEqual([104, 105, 110, 114]);
    }
  });
});

describe('a line', () => {
  it('may hold text, bytes and numbers, and its own timestamps', () => {
    const line =
      '{"row":{"base64":"AP8="},"cells":[{"family":"f","qualifier":"q","timestamp":"1700000000000000001","value":{"int64":"-1"}},{"family":"f","qualifier":"","value":"é"}]}';
    expect(parseLine(line, 5)).toEqual({
      kind: 'put',
      row: Buffer.from([0, 255]),
      values: [
        {
          family: 'f',
          qualifier: 'q',
          timestamp: '1700000000000000001',
          value: Buffer.alloc(8, 255),
        },
        { family: 'f', qualifier: '', timestamp: 5, value: 'é' },
      ],
    });
  });

  it.each([
    ['[]', 'expected object'],
    ['{"row":"r"}', 'cells'],
    ['{"row":"","values":{"f:q":"v"}}', 'row: is empty'],
    ['{"row":"r","values":{"nocolon":"v"}}', 'family:qualifier'],
    ['{"row":"r","values":{"f:q":5}}', 'values.f:q'],
    [
      '{"row":"r","cells":[{"family":"f","qualifier":"q","value":"v","timestamp":-1}]}',
      'timestamp',
    ],
    ['{"row":"r"', 'not JSON'],
  ])('%s is refused with its reason', (line, reason) => {
    expect(() => parseLine(line, 5)).toThrow(reason);
  });
});

describe('an import', () => {
  it('keeps rejected lines as they came, in order, and counts the others', async () => {
    const lines = [rowLine('a'), 'nonsense', '', rowLine('bad'), rowLine('c'), '{"row":1}'];
    const { file, options } = inputOf('rejects', lines);
    const table = tableOf({ refuses: 'bad' });
    const run = new Import(table, freshStart('t', file), options);
    const done = await run.toEnd(chunksOf(readFileSync(file), 10));
    expect([...table.rows.keys()]).toEqual(['a', 'c']);
    expect(done).toMatchObject({ rows: 2, cells: 2, rejected: 3, lines: 6 });
    expect(readFileSync(options.rejected, 'utf8')).toBe(`nonsense\n${rowLine('bad')}\n{"row":1}\n`);
  });

  it('goes on where it was interrupted, with the same timestamps and no line rejected twice', async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) =>
      i % 700 === 3 ? `bad ${i}` : rowLine(`r${i}`),
    );
    const { file, options } = inputOf('resume', lines);
    const bytes = readFileSync(file);
    const first = tableOf({ batchesMax: 3 });
    const start = { ...freshStart('t', file), timestamp: 42 };
    await expect(
      new Import(first, start, options).toEnd(chunksOf(bytes, 999)),
    ).rejects.toMatchObject({
      code: 'timed-out',
      nextStep: expect.stringContaining('again'),
    });
    const kept = options.checkpoint.read();
    expect(kept).toMatchObject({ timestamp: 42, lines: 1_500, rejected: 3 });
    const second = tableOf();
    const again = new Import(second, kept ?? start, options);
    const done = await again.toEnd(chunksOf(bytes.subarray(kept?.offset), 999));
    expect(done).toMatchObject({ rows: 2_995, rejected: 5, lines: 3_000 });
    expect(new Set([...first.rows.keys(), ...second.rows.keys()]).size).toBe(2_995);
    expect(second.rows.get('r2999')).toContain('"timestamp":42');
    expect(readFileSync(options.rejected, 'utf8')).toBe(
      'bad 3\nbad 703\nbad 1403\nbad 2103\nbad 2803\n',
    );
  });
});

describe('a checkpoint', () => {
  it('that is damaged is refused with the way out', () => {
    const path = join(directory, 'damaged');
    writeFileSync(path, '{"table":');
    expect(() => new CheckpointFile(path, checkpointSchema).read()).toThrow('is not a checkpoint');
    expect(existsSync(path)).toBe(true);
  });
});
