// How long the log of a dead server takes to be sorted and replayed, from memory: what is left of
// recovery when disks and detection are taken away.

import { CellType, writeCell, type CellParts } from '../../src/base/cell.js';
import type { Generation, RegionId, Revision, Sequence, TableId } from '../../src/base/ids.js';
import { familyDescriptor } from '../../src/base/table.js';
import { LogRecordBuilder } from '../../src/region/log-record.js';
import { openRegion } from '../../src/region/region.js';
import { sortLog } from '../../src/region/sorted-log.js';
import { MemoryLogs } from '../../src/region/testing/memory-log.js';
import { RegionRig } from '../../src/region/testing/region-rig.js';

export interface RecoveryFigures {
  readonly sortMs: number;
  readonly replayMs: number;
  readonly records: number;
  /** Processor time of both. */
  readonly cpuMs: number;
}

/** A log of `logBytes` with edits of `regions` regions mixed, one cell each. */
export async function measureRecovery(
  logBytes: number,
  regions: number,
  valueBytes: number,
): Promise<RecoveryFigures> {
  const rig = new RegionRig({
    families: [familyDescriptor('f')],
    settings: { 'cadastre.memstore.bytes': '4g', 'hbase.hregion.memstore.flush.size': '1g' },
  });
  const logs = new MemoryLogs();
  const records = fill(logs, logBytes, regions, valueBytes);
  const cpu = process.cpuUsage();
  let begun = performance.now();
  const sorted = await sortLog({
    logs,
    objects: rig.objects,
    clock: rig.clock,
    name: '1',
    object: 'data/sorted',
    skip: new Map(),
    isOwned: () => true,
  });
  const sortMs = performance.now() - begun;
  begun = performance.now();
  for (const { regionId, sequenceMax, offset, bytes, entries } of sorted.slices) {
    const skipUpTo = 0 as Sequence;
    const at = { object: sorted.object, origin: regionId, offset, bytes, entries };
    await openRegion(rig.host, {
      info: { ...rig.info, regionId },
      descriptor: { name: rig.info.table, families: [familyDescriptor('f')], attributes: {} },
      generation: 1 as Generation,
      files: [],
      revision: 1 as Revision,
      slices: [{ ...at, skipUpTo, sequenceMax, clip: undefined }],
      openSequenceMin: 1 as Sequence,
      nonces: [],
    });
  }
  const replayMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  return { sortMs, replayMs, records, cpuMs: (user + system) / 1000 };
}

function fill(logs: MemoryLogs, logBytes: number, regions: number, valueBytes: number): number {
  const writer = logs.open('1');
  const builder = new LogRecordBuilder();
  const value = Buffer.alloc(valueBytes, 'v');
  const cell = Buffer.alloc(valueBytes + 100);
  let records = 0;
  for (let written = 0; written < logBytes; records++) {
    const parts: CellParts = {
      row: Buffer.from(`user${String((records * 7_919) % 1_000_003).padStart(12, '0')}`),
      family: Buffer.from('f'),
      qualifier: Buffer.from('q'),
      timestamp: 1_700_000_000_000 + records,
      type: CellType.put,
      value,
    };
    builder.begin({
      tableId: 7 as TableId,
      regionId: (1 + (records % regions)) as RegionId,
      generation: 1 as Generation,
      sequence: (1 + Math.floor(records / regions)) as Sequence,
      writtenAtMs: 1_700_000_000_000,
    });
    builder.addCell(writeCell(parts, cell, 0), 0);
    const record = builder.finish();
    writer.append(record);
    written += record.length;
  }
  return records;
}
