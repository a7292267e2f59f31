// Figures of the region engine alone, in one thread and in memory: puts, gets, scans.
//
//   node dist/bench/region/main.js [--rows 300000] [--value 100] [--repeat 3]
//
// Needs a quiet machine. Prints medians, and one RESULT line for each measurement.

import { parseArgs } from 'node:util';
import { cellLength, CellType, writeCell, type CellParts } from '../../src/base/cell.js';
import { familyDescriptor } from '../../src/base/table.js';
import type { ResultSink } from '../../src/region/api.js';
import { RegionRig, unlimited } from '../../src/region/testing/region-rig.js';
import { get, scan } from '../../src/region/testing/requests.js';
import type { Mutation } from '../../src/base/operations.js';
import { measureRecovery } from './recovery.js';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    value: { type: 'string', default: '100' },
    repeat: { type: 'string', default: '3' },
  },
});
const rows = Number(options.rows);
const value = 'v'.repeat(Number(options.value));
const repeat = Number(options.repeat);

interface Figure {
  readonly op: string;
  readonly perSecond: number;
  /** Processor time of this process, whoever else used the machine. */
  readonly perCpuSecond: number;
}

/** Copies what it is given, as a reply does. */
class CopyingSink implements ResultSink {
  readonly #reply = Buffer.allocUnsafeSlow(4 * 1024 * 1024);
  #at = 0;
  cells = 0;

  cell(buffer: Buffer, offset: number, keyLength: number, valueLength: number): void {
    const length = 8 + keyLength + valueLength;
    if (this.#at + length > this.#reply.length) this.#at = 0;
    buffer.copy(this.#reply, this.#at, offset, offset + length);
    this.#at += length;
    this.cells++;
  }
  endResult(): void {}
}

function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  let state = 1;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** Puts of random rows, their cells side by side as they come in a request. */
function requests(): Mutation[] {
  const family = Buffer.from('f');
  const qualifier = Buffer.from('q');
  const bytes = Buffer.from(value);
  let frame = Buffer.alloc(0);
  let at = 0;
  return shuffled(rows).map((i) => {
    const row = Buffer.from(rowName(i));
    const parts: CellParts = {
      row,
      family,
      qualifier,
      timestamp: 'latest',
      type: CellType.put,
      value: bytes,
    };
    const length = cellLength(parts);
    if (at + length > frame.length) {
      frame = Buffer.allocUnsafeSlow(1024 * 1024);
      at = 0;
    }
    const cell = writeCell(parts, frame, at);
    at += length;
    return { kind: 'put', row, durability: 'default', cells: [cell] };
  });
}

const rowName = (i: number): string => `user${String(i).padStart(12, '0')}`;

async function round(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const begin = () => ({ ms: performance.now(), cpu: process.cpuUsage() });
  const note = (op: string, count: number, begun: ReturnType<typeof begin>): void => {
    const { user, system } = process.cpuUsage(begun.cpu);
    figures.push({
      op,
      perSecond: Math.round((count / (performance.now() - begun.ms)) * 1000),
      perCpuSecond: Math.round((count / (user + system)) * 1_000_000),
    });
  };
  const rig = new RegionRig({
    families: [familyDescriptor('f')],
    settings: {
      'cadastre.memstore.bytes': '4g',
      'hbase.hregion.memstore.flush.size': '2g',
      'cadastre.log.bytes': '8g',
      'cadastre.block.cache.bytes': '1g',
    },
  });
  const region = await rig.open();
  rig.log.isDiscarding = true;
  const mutations = requests();
  let done = 0;
  let begun = begin();
  for (const mutation of mutations.slice(0, rows / 2)) {
    region.mutate(mutation, undefined, () => done++);
  }
  note('put', done, begun);
  begun = begin();
  const batches = 64;
  for (let i = rows / 2; i < rows; i += batches) {
    region.mutateMany(mutations.slice(i, i + batches), (outcomes) => (done += outcomes.length));
  }
  note('put-batch', rows / 2, begun);
  await measureReads('memstore');
  await region.flush();
  await scanAll();
  await measureReads('file');
  return figures;

  async function scanAll(): Promise<void> {
    const scanner = region.openScanner(scan());
    while ((await scanner.next(unlimited, new CopyingSink())) !== 'exhausted');
  }

  async function measureReads(where: string): Promise<void> {
    const sink = new CopyingSink();
    const gets = shuffled(rows)
      .slice(0, 100_000)
      .map((i) => get(rowName(i)));
    begun = begin();
    for (const one of gets) {
      const reading = region.get(one, sink);
      if (reading !== undefined) await reading;
    }
    note(`get-${where}`, sink.cells, begun);
    const scanner = region.openScanner(scan());
    const scanned = new CopyingSink();
    begun = begin();
    const page = { ...unlimited, bytes: 2 * 1024 * 1024 };
    for (let state = scanner.next(page, scanned); state !== 'exhausted';) {
      if (typeof state !== 'string') throw new Error('the scan had to read');
      state = scanner.next(page, scanned);
    }
    note(`scan-${where}`, scanned.cells, begun);
  }
}

const all: Figure[][] = [];
for (let i = 0; i <= repeat; i++) {
  const figures = await round();
  // The first round warms up.
  if (i > 0) all.push(figures);
}
for (const [index, { op }] of (all[0] ?? []).entries()) {
  const sorted = (of: (figure: Figure | undefined) => number | undefined): number[] =>
    all.map((figures) => of(figures[index]) ?? 0).sort((a, b) => a - b);
  const found = sorted((figure) => figure?.perSecond);
  const cpu = sorted((figure) => figure?.perCpuSecond);
  const median = found[found.length >> 1] ?? 0;
  const cpuMedian = cpu[cpu.length >> 1] ?? 0;
  const range = `${found[0]}–${found.at(-1)}`;
  console.log(`${op.padEnd(14)} ${median} per second (${range}), ${cpuMedian} per CPU second`);
  console.log(`RESULT [bench=region, op=${op}, ops_per_s=${median}, ops_per_cpu_s=${cpuMedian}]`);
}

for (const valueBytes of [1024, 100]) {
  const { sortMs, replayMs, records, cpuMs } = await measureRecovery(100_000_000, 200, valueBytes);
  const [sorted, replayed, cpu] = [sortMs, replayMs, cpuMs].map(Math.round);
  console.log(
    `recovery       100 MB of ${records} edits: sorted ${sorted} ms, replayed ${replayed} ms, ${cpu} ms of CPU`,
  );
  console.log(
    `RESULT [bench=region, op=recovery, value_bytes=${valueBytes}, records=${records}, sort_ms=${sorted}, replay_ms=${replayed}, cpu_ms=${cpu}]`,
  );
}
