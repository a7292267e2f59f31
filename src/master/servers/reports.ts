// News about regions, from the servers that hold them. A report is matched by server and generation,
// then the table of states decides, and what changes the region goes through its owner procedure, so
// that region and procedure change in one record.

import { unreachable } from '../../base/assert.js';
import type { Generation, Incarnation, ProcedureId, RegionId } from '../../base/ids.js';
import type { Catalog, Transaction } from '../../catalog/api.js';
import { fromWide } from '../../catalog/codec.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { ProcedureEngine } from '../../procedure/api.js';
import type { TransitionReport } from '../../wire/generated/cadastre/internal_pb.js';
import { TransitionKind } from '../../wire/internal.js';
import type { Acknowledgement } from '../assignment/acknowledgement.js';
import { findRegion } from '../assignment/region-writes.js';
import { encodeReport, readReport } from '../assignment/report-codec.js';
import { outcomeOf } from '../assignment/states.js';
import { reportKey } from '../assignment/transit.js';

export type ReportAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The region's owner does not wait for it yet. */
  | { readonly kind: 'later' };

export interface ReportParts {
  readonly catalog: Catalog;
  readonly engine: ProcedureEngine<Transaction>;
  readonly acknowledgement: Acknowledgement;
}

/** Takes one report. The answer may be given once the tail of this moment is durable. */
export function takeReport(
  parts: ReportParts,
  server: Incarnation,
  report: TransitionReport,
): ReportAnswer {
  const { catalog } = parts;
  const id = fromWide(report.regionId, 'a region id') as RegionId;
  const generation = fromWide(report.generation, 'a generation') as Generation;
  const region = findRegion(catalog, catalog.tail, id);
  if (region === undefined) return refused(`region ${id} is not there any more`);
  if (region.generation !== generation) {
    return refused(`region ${id} is at generation ${region.generation}, not ${generation}`);
  }
  const kind = readReport(report)?.kind;
  if (kind === undefined) return refused('this master does not know the kind of report');
  if (region.server !== undefined && region.server !== server) {
    return refused(`region ${id} belongs to server ${region.server}`);
  }
  const outcome = outcomeOf(region.state, kind);
  switch (outcome.kind) {
    case 'repeat':
      return { kind: 'accepted' };
    case 'refuse':
      return refused(`region ${id} is ${region.state}: ${outcome.reason}`);
    case 'go':
      return deliver(parts, region, report);
    default:
      return unreachable(outcome);
  }
}

function deliver(
  { acknowledgement, catalog, engine }: ReportParts,
  region: RegionRecord,
  report: TransitionReport,
): ReportAnswer {
  const owner = fromWide(report.procedureId, 'a procedure id') as ProcedureId;
  const key = reportKey(region);
  const { value } = acknowledgement.during(key, () =>
    engine.deliver(owner, key, encodeReport(report)),
  );
  if (value === 'stale') return { kind: 'later' };
  // Stored for later, it is not in the region's record yet: the server must not serve.
  const isStored = findRegion(catalog, catalog.tail, region.regionId) === region;
  return isStored && report.kind === TransitionKind.TRANSITION_OPENED
    ? { kind: 'later' }
    : { kind: 'accepted' };
}

function refused(reason: string): ReportAnswer {
  return { kind: 'refused', reason };
}
