// From rows to live procedures, before anything runs.
//
// Order (races P4, P9): rows are read parents first; what cannot be decoded is quarantined; then the
// locks of all that have run are restored; then what had begun is made to go on, then what had not.

import { asCadastreError } from '../base/errors.js';
import type { LoadReport } from './api.js';
import type { Core } from './core.js';
import type { ProcedureType } from './definition.js';
import { keepOutcome } from './ledger.js';
import type { Ledger } from './ledger.js';
import { procedureStride, sweepBatch } from './limits.js';
import { Procedure } from './procedure.js';
import { RecordDecoder } from './record-decoder.js';
import { noBytes, withChanges } from './record.js';
import type { ProcedureRecord } from './record.js';
import type { Results } from './results.js';
import type { ProcedureStore, StoredProcedure } from './store.js';
import type { Waits } from './waits.js';

/** Reads every row into the core. */
export async function loadProcedures(
  core: Core,
  store: Pick<ProcedureStore<unknown>, 'load'>,
  waits: Waits,
  results: Results,
): Promise<LoadReport> {
  let ended = 0;
  let quarantined = 0;
  let count = 0;
  const decoder = new RecordDecoder();
  for await (const stored of store.load()) {
    if (++count % procedureStride === 0) await core.clock.yield();
    const procedure = restoreProcedure(core, decoder, stored);
    if (procedure.isEnded) {
      ended++;
      keepOutcome(procedure);
      if (procedure.parent === undefined) results.ended(stored.id, procedure.record, true);
    } else {
      core.procedures.set(stored.id, procedure);
      procedure.parent?.addChild(procedure);
      if (procedure.quarantine === undefined) waits.enter(procedure);
      else quarantined++;
    }
    const { record } = procedure;
    if (record.nonce !== '') core.nonces.set(record.nonce, { id: stored.id, record });
  }
  count = 0;
  for (const procedure of core.procedures.values()) {
    if (++count % procedureStride === 0) await core.clock.yield();
    restoreLocks(core, procedure);
  }
  const unfinished = core.procedures.size - quarantined;
  core.log.info('procedures loaded', { unfinished, ended, quarantined });
  return { unfinished, ended, quarantined };
}

function restoreProcedure(
  core: Core,
  decoder: RecordDecoder,
  { id, bytes }: StoredProcedure,
): Procedure {
  let record = unreadable(core);
  let type: ProcedureType<unknown> | undefined;
  let input: unknown;
  let fault: string | undefined;
  let isRead = false;
  try {
    record = decoder.decode(bytes);
    isRead = true;
    if (record.status.kind !== 'ended') {
      type = core.types.get(record.type);
      if (type === undefined) fault = `type ${record.type} is unknown to this version`;
      else [input, record] = decodeContent(type, record);
    }
  } catch (error) {
    fault = asCadastreError(error).message;
    type = undefined;
  }
  const parent = record.parent === undefined ? undefined : core.procedures.get(record.parent);
  const procedure = new Procedure(id, record, type, input, parent, core.log);
  procedure.isLoaded = true;
  procedure.isUnreadable = !isRead;
  if (fault !== undefined) quarantine(core, procedure, fault);
  return procedure;
}

/** The input, and the row with its state as this version of the type writes it. */
function decodeContent(
  type: ProcedureType<unknown>,
  record: ProcedureRecord,
): readonly [unknown, ProcedureRecord] {
  if (record.version > type.version) {
    throw new Error(`version ${record.version} of type ${type.type} is newer than ours`);
  }
  const input = type.input.decode(record.input, record.version);
  const state = type.state.decode(record.state, record.version);
  // Asked now, so that what they throw quarantines it and nothing later fails.
  type.group(input);
  type.describe(input);
  if (record.version === type.version) return [input, record];
  return [
    input,
    withChanges(record, {
      version: type.version,
      input: type.input.encode(input),
      state: type.state.encode(state),
    }),
  ];
}

/** Stands for a row of which nothing can be read. */
function unreadable(core: Core): ProcedureRecord {
  const now = core.clock.now();
  return {
    type: 'unreadable',
    version: 0,
    parent: undefined,
    owner: '',
    nonce: '',
    phase: 'forward',
    step: '',
    input: noBytes,
    state: noBytes,
    executed: [],
    status: { kind: 'ready', reply: undefined },
    locks: [],
    holdsLocks: false,
    isPastPointOfNoReturn: false,
    error: undefined,
    errorOrigin: '',
    result: noBytes,
    isPaused: false,
    isCancelRequested: false,
    priority: 'background',
    submittedAt: now,
    stepSince: now,
    endedAt: 0,
    history: [],
    childrenStarted: 0,
    childrenFailed: 0,
  };
}

function restoreLocks(core: Core, procedure: Procedure): void {
  if (!procedure.record.holdsLocks) return;
  try {
    core.locks.restore(procedure);
  } catch (error) {
    quarantine(core, procedure, asCadastreError(error).message);
  }
}

function quarantine(core: Core, procedure: Procedure, fault: string): void {
  procedure.quarantine = fault;
  core.setReason(procedure, 'quarantined');
  procedure.log.error('quarantined', { type: procedure.record.type, fault });
}

/** Applies every type's `onRestore` to a restored system's procedures. */
export async function applyRestore<Tx>(
  core: Core,
  ledger: Ledger<Tx>,
  waits: Waits,
): Promise<void> {
  const dropped = new Set<Procedure>();
  for (const procedure of core.procedures.values()) {
    const isParentDropped = procedure.parent !== undefined && dropped.has(procedure.parent);
    const behaviour = isParentDropped ? 'drop' : procedure.type?.onRestore;
    if (behaviour === 'drop') dropped.add(procedure);
    else if (behaviour === 'abort' && !procedure.record.isPastPointOfNoReturn) {
      ledger.transact((_tx, draft) => {
        draft.touch(procedure, withChanges(draft.current(procedure), { isCancelRequested: true }));
      });
    }
  }
  // Children before their parents: what a crash leaves is still a tree.
  const rows = [...dropped].reverse();
  for (let from = 0; from < rows.length; from += sweepBatch) {
    const batch = rows.slice(from, from + sweepBatch);
    const deletion = ledger.transact((_tx, draft) => {
      for (const { id, outcomes } of batch) {
        for (const child of outcomes.keys()) draft.delete(child);
        draft.delete(id);
      }
    });
    await deletion.durable();
    for (const procedure of batch) {
      procedure.log.warn('dropped by the restore', { type: procedure.record.type });
      waits.abandon(procedure);
      core.locks.release(procedure);
      core.nonces.delete(procedure.record.nonce);
      core.procedures.delete(procedure.id);
      procedure.parent?.removeChild(procedure);
    }
  }
}
