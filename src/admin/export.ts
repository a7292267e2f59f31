// Everything that is known of one tree of procedures, as one document for a bug report.

import { asCadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import { procedureKind } from '../catalog/records/procedures.js';
import type { Master } from '../master/master.js';
import type { Explanation, ProcedureTree, ProcedureView } from '../procedure/views.js';
import { exportRowBytesMax } from './limits.js';
import type { AdminContext } from './route.js';
import { pruned } from './views.js';

export function exportTree({ clock, master, softwareVersion }: AdminContext, id: ProcedureId) {
  const { catalog, engine } = master();
  const tree = engine.tree(id);
  const procedures = [...nodes(tree)];
  return {
    exportedAt: clock.now(),
    softwareVersion,
    clusterId: catalog.clusterId,
    epoch: catalog.epoch,
    explanation: explanationOf(engine, id),
    tree: pruned(tree),
    procedures,
    ...rowsOf(master(), procedures),
  };
}

function explanationOf(engine: Master['engine'], id: ProcedureId): Explanation | undefined {
  try {
    return engine.explain(id);
  } catch (error) {
    // It has ended, and waits for nothing.
    if (asCadastreError(error).code === 'procedure-not-found') return undefined;
    throw error;
  }
}

function* nodes({ procedure, children }: ProcedureTree): IterableIterator<ProcedureView> {
  yield procedure;
  for (const child of children) yield* nodes(child);
}

function rowsOf({ catalog }: Master, procedures: readonly ProcedureView[]) {
  const rows: { id: ProcedureId; base64: string }[] = [];
  let bytes = 0;
  for (const { id } of procedures) {
    const row = catalog.durable.get(procedureKind, [id]);
    if (row === undefined) continue;
    bytes += row.length;
    if (bytes > exportRowBytesMax) break;
    rows.push({ id, base64: row.toString('base64') });
  }
  return { rows, rowsOmitted: procedures.length - rows.length };
}
