// Which part of a log is still needed, and how the rest becomes a candidate for release (L6).
//
// Invariants:
// 1. A position below a log's `low`, or in a log that has no row, is needed by nothing.
// 2. A range becomes a candidate in the transaction that raises `low` over it. Ranges of one log end
//    in the order of their deaths, so that releasing up to one never frees a younger one.

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Incarnation } from '../base/ids.js';
import type { LogPosition } from '../storage/log.js';
import type { CatalogView, LogNeed, RecordKind, Transaction } from './api.js';
import { catalogLogName } from '../storage/names.js';
import type { CandidateRecord } from './records/deletion.js';
import { candidateKind, logCandidate } from './records/deletion.js';
import { catalogLogKind, logKind } from './records/logs.js';

/** Where every log's first record starts: reading from here reads all of it. */
export const logStart: LogPosition = { segment: 0, offset: 0, sequence: 1 };

/** Notes a server's log from its start, so that nothing of it can be released by accident. */
export function addLog(tx: Transaction, server: Incarnation, log: string): void {
  tx.put(logKind, [server], { log, low: logStart, end: undefined });
}

/**
 * Nothing below `position` of a server's log is needed any more. A lower position than before has no
 * effect: reports may come late. Space is freed by whole segments, so only those make candidates.
 */
export function releaseLog(tx: Transaction, server: Incarnation, position: LogPosition): void {
  const need = tx.get(logKind, [server]);
  if (need === undefined) {
    throw new CadastreError('object-missing', `the log of server ${server} is not in the catalog`, {
      nextStep: 'register the server first',
    });
  }
  raise(tx, logKind, server, need, position);
}

/** The end of a sealed log, which recovery reads up to. */
export function noteSeal(tx: Transaction, server: Incarnation, end: LogPosition): void {
  const need = tx.get(logKind, [server]);
  if (need !== undefined) tx.put(logKind, [server], { ...need, end });
}

/** No region needs anything of a sealed log any more: all of it is released, and its row goes. */
export function releaseSealedLog(tx: Transaction, server: Incarnation): void {
  const need = tx.get(logKind, [server]);
  if (need !== undefined) releaseWhole(tx, logKind, server, need);
}

/** The catalog's own log: `position` of epoch `epoch` is where a restart begins to replay. */
export function releaseCatalogLogs(tx: Transaction, epoch: Epoch, position: LogPosition): void {
  for (const { key, value } of tx.scan(catalogLogKind)) {
    if (key[0] < epoch) releaseWhole(tx, catalogLogKind, key[0], value);
    else if (key[0] === epoch) raise(tx, catalogLogKind, epoch, value, position);
  }
}

/** Whether the catalog, as `view` shows it, still needs anything of what a candidate releases. */
export function isRangeNeeded(view: CatalogView, log: string, until: LogPosition): boolean {
  for (const kind of [logKind, catalogLogKind] as const) {
    for (const { value } of view.scan<readonly [number], LogNeed>(kind)) {
      if (value.log === log) return value.low.sequence < until.sequence;
    }
  }
  return false;
}

function raise<Id extends number>(
  tx: Transaction,
  kind: RecordKind<readonly [Id], LogNeed>,
  id: Id,
  need: LogNeed,
  position: LogPosition,
): void {
  if (position.sequence <= need.low.sequence) return;
  tx.put(kind, [id], { ...need, low: position });
  if (position.segment > need.low.segment) addCandidate(tx, need.log, position);
}

function releaseWhole<Id extends number>(
  tx: Transaction,
  kind: RecordKind<readonly [Id], LogNeed>,
  id: Id,
  need: LogNeed,
): void {
  assert(need.end !== undefined, `L6: the log ${need.log} is released whole only once sealed`);
  tx.delete(kind, [id]);
  addCandidate(tx, need.log, need.end);
}

function addCandidate(tx: Transaction, log: string, until: LogPosition): void {
  const candidate: CandidateRecord = {
    birth: tx.revision,
    death: tx.revision,
    state: 'waiting',
    bytes: 0,
    until,
  };
  tx.put(candidateKind, logCandidate(log, until), candidate);
}

/** The row of one of the catalog's own logs. */
export function catalogLogNeed(epoch: Epoch, end: LogPosition | undefined): LogNeed {
  return { log: catalogLogName(epoch), low: logStart, end };
}
