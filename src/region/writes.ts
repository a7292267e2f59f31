// The way of a write: validate → read what it depends on → sequence and stamps → log → memstore →
// durable → read point → answer.
//
// Everything from the sequence to the memstore happens in one turn, so log order, sequence order and
// memstore order are one. Only the reading before it may wait; the row is locked then. A failed log
// ends the incarnation, so the memstore is never undone, and increments may read its tail.
//
// Durability: `skip` leaves the log out; all other kinds wait for it, `async` too, which promises less.

import { present } from '../base/assert.js';
import { compareCells, type Cell } from '../base/cell.js';
import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Generation, Sequence } from '../base/ids.js';
import type { Condition, Get, Mutation } from '../base/operations.js';
import type { UsedNonce } from '../base/store-file.js';
import type { RegionInfo } from '../base/table.js';
import type { Clock } from '../world/clock.js';
import type { Random } from '../world/random.js';
import { AckQueue } from './ack-queue.js';
import type { MutateDone, MutateOutcome, MutateResult } from './api.js';
import { evaluate, type ConditionOutcome } from './conditions.js';
import { columnKey, Edit, needsRead, nothingKnown, type KnownCells } from './edit.js';
import { regionLimits } from './limits.js';
import { LogRecordBuilder } from './log-record.js';
import { after } from './maybe-async.js';
import type { MutationCheck } from './mutation-check.js';
import { isRealNonce, NonceWindow } from './nonces.js';
import { collectRow, type ReadContext } from './reads.js';
import { RowLocks } from './row-locks.js';
import { RowStamps } from './row-stamps.js';
import type { SharedLog } from './shared-log.js';
import { storeOf, type StoreView } from './store-view.js';

/** What the region lends to its writes. */
export interface WriteTarget {
  readonly info: RegionInfo;
  readonly generation: Generation;
  readonly log: SharedLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly check: MutationCheck;
  /** Now: a flush changes them. */
  readonly stores: readonly StoreView[];
  /** Throws if the region takes no writes. */
  assertWritable(): void;
  /** Cells came into the memstores. */
  noteWrite(): void;
  /** The log takes nothing any more. */
  fence(error: CadastreError): void;
}

const applied: MutateResult = { processed: true, cells: [] };
const notApplied: MutateResult = { processed: false, cells: [] };

export class WritePath {
  readonly nonces: NonceWindow;
  readonly acks: AckQueue;
  readonly #target: WriteTarget;
  readonly #families: readonly Buffer[];
  readonly #locks = new RowLocks();
  readonly #stamps: RowStamps;
  readonly #record = new LogRecordBuilder();
  #sequence: number;
  #count = 0;

  constructor(target: WriteTarget, sequence: Sequence, nonces: readonly UsedNonce[]) {
    this.#target = target;
    this.#families = target.stores.map(({ familyBytes }) => familyBytes);
    this.#sequence = sequence;
    this.acks = new AckQueue(target.log, sequence);
    this.#stamps = new RowStamps(target.clock);
    this.nonces = new NonceWindow(target.clock);
    for (const nonce of nonces) this.nonces.add(nonce, nonce.usedAtMs);
  }

  /** The last sequence given. */
  get sequence(): Sequence {
    return this.#sequence as Sequence;
  }
  /** Mutations applied. */
  get count(): number {
    return this.#count;
  }

  mutate(
    mutations: Mutation | readonly Mutation[],
    condition: Condition | undefined,
    done: MutateDone,
  ): void {
    const list = 'kind' in mutations ? [mutations] : mutations;
    const first = list[0];
    try {
      this.#target.assertWritable();
      if (first === undefined) throw new CadastreError('bad-request', 'there is no mutation');
      for (const mutation of list) {
        this.#target.check.mutation(mutation);
        if (mutation !== first && !mutation.row.equals(first.row)) {
          throw new CadastreError('bad-request', 'mutations applied as one are of several rows');
        }
      }
      if (condition !== undefined) this.#target.check.condition(condition, first.row);
      if (condition === undefined && this.#locks.isEmpty && !list.some(needsRead)) {
        this.#write(this.#editOf(list, nothingKnown, 0), done);
        return;
      }
    } catch (error) {
      done(asCadastreError(error), undefined);
      return;
    }
    const { row } = first;
    this.#locks.run(row, () => this.#readAndWrite(row, list, condition, done));
  }

  mutateMany(
    mutations: readonly Mutation[],
    done: (outcomes: readonly MutateOutcome[]) => void,
  ): void {
    const outcomes: MutateOutcome[] = [];
    let left = mutations.length;
    if (left === 0) done(outcomes);
    const settle = (index: number, outcome: MutateOutcome): void => {
      outcomes[index] = outcome;
      if (--left === 0) done(outcomes);
    };
    let group: { readonly edit: Edit; readonly indexes: number[] } | undefined;
    const writeGroup = (): void => {
      if (group === undefined) return;
      const { edit, indexes } = group;
      group = undefined;
      this.#write(edit, (error, result) => {
        for (const index of indexes) settle(index, error ?? result ?? applied);
      });
    };
    for (const [index, mutation] of mutations.entries()) {
      if (needsRead(mutation) || this.#locks.isLocked(mutation.row)) {
        writeGroup();
        this.mutate(mutation, undefined, (error, result) =>
          settle(index, error ?? result ?? applied),
        );
        continue;
      }
      try {
        this.#target.assertWritable();
        this.#target.check.mutation(mutation);
      } catch (error) {
        settle(index, asCadastreError(error));
        continue;
      }
      const skipsLog = mutation.durability === 'skip';
      if (group !== undefined && group.edit.skipsLog !== skipsLog) writeGroup();
      group ??= { edit: new Edit(this.#stamps, this.#families), indexes: [] };
      group.edit.add(mutation, nothingKnown, 0);
      group.indexes.push(index);
      if (group.edit.bytes > regionLimits.recordBytesMax) writeGroup();
    }
    writeGroup();
  }

  #editOf(list: readonly Mutation[], known: KnownCells, atLeastMs: number): Edit {
    const edit = new Edit(this.#stamps, this.#families);
    const isMixed = list.length > 1 && list.some(needsRead);
    for (const mutation of list) {
      edit.add(mutation, known, atLeastMs);
      if (isMixed) edit.noteMade(mutation);
    }
    return edit;
  }

  /** With the row locked, if it has to wait. Never rejects. */
  #readAndWrite(
    row: Buffer,
    list: readonly Mutation[],
    condition: Condition | undefined,
    done: MutateDone,
  ): Promise<void> | undefined {
    const refuse = (error: unknown): void => done(asCadastreError(error), undefined);
    try {
      this.#target.assertWritable();
      const writing = this.#check(row, list, condition, done);
      return writing instanceof Promise ? writing.catch(refuse) : undefined;
    } catch (error) {
      refuse(error);
      return undefined;
    }
  }

  #check(
    row: Buffer,
    list: readonly Mutation[],
    condition: Condition | undefined,
    done: MutateDone,
  ): void | Promise<void> {
    if (list.some((mutation) => this.#wasApplied(mutation))) {
      return after(this.#known(row, list, this.#tail()), (known) => {
        this.#answer(duplicateOf(list, known), done);
      });
    }
    const outcome: ConditionOutcome | Promise<ConditionOutcome> =
      condition === undefined ? { holds: true, seenAtMs: 0 } : evaluate(this.#tail(), condition);
    return after(outcome, ({ holds, seenAtMs }) => {
      if (!holds) {
        this.#answer(notApplied, done);
        return undefined;
      }
      return after(this.#known(row, list, this.#tail()), (known) => {
        this.#target.assertWritable();
        const edit = this.#editOf(list, known, seenAtMs);
        for (const cell of edit.cells) this.#target.check.size(cell);
        this.#write(edit, done);
      });
    });
  }

  #wasApplied(mutation: Mutation): boolean {
    if (mutation.kind !== 'increment' && mutation.kind !== 'append') return false;
    return isRealNonce(mutation.nonce) && this.nonces.has(mutation.nonce);
  }

  #tail(): ReadContext {
    const { clock, random, stores } = this.#target;
    return { clock, random, stores, readPoint: Infinity };
  }

  /** Reads what the mutations depend on; one read for each of them that does. */
  #known(
    row: Buffer,
    list: readonly Mutation[],
    context: ReadContext,
  ): KnownCells | Promise<KnownCells> {
    const known = new Map<string, readonly Cell[]>();
    const pending: Promise<void>[] = [];
    for (const mutation of list) {
      if (!needsRead(mutation)) continue;
      const reading = after(collectRow(context, getFor(row, mutation)), (cells) => {
        for (const [key, versions] of byColumn(cells)) {
          if (versions.length > (known.get(key)?.length ?? 0)) known.set(key, versions);
        }
      });
      if (reading instanceof Promise) pending.push(reading);
    }
    return pending.length === 0 ? known : Promise.all(pending).then(() => known);
  }

  /** Answers without writing, after everything that was read is durable. */
  #answer(result: MutateResult, done: MutateDone): void {
    this.acks.push(this.#target.log.appended, this.#sequence, () => done(undefined, result));
  }

  /** In one turn: sequence, log, memstore. */
  #write(edit: Edit, done: MutateDone): void {
    const target = this.#target;
    const { info, generation, log } = target;
    const sequence = (this.#sequence + 1) as Sequence;
    const writtenAtMs = this.#stamps.now();
    const { tableId, regionId } = info;
    const record = this.#record;
    record.begin({ tableId, regionId, generation, sequence, writtenAtMs });
    for (const nonce of edit.nonces) record.addNonce(nonce);
    const { cells, stamps } = edit;
    for (let i = 0; i < cells.length; i++) record.addCell(cells[i] as Cell, stamps[i] as number);
    const bytes = record.finish();
    let logNumber = log.appended;
    if (!edit.skipsLog) {
      try {
        logNumber = log.append(regionId, bytes);
      } catch (error) {
        target.fence(asCadastreError(error));
        done(asCadastreError(error), undefined);
        return;
      }
    }
    this.#sequence = sequence;
    for (const nonce of edit.nonces) this.nonces.add(nonce, writtenAtMs);
    const stores = target.stores;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i] as Cell;
      const store = present(storeOf(stores, cell), 'a checked cell is of one of the families');
      store.active.insert(bytes, record.offsets[i] as number, cell.length, sequence);
    }
    this.#count++;
    const { results } = edit;
    const result = results.length === 0 ? applied : { processed: true, cells: sorted(results) };
    target.noteWrite();
    this.acks.push(logNumber, sequence, () => done(undefined, result));
  }
}

function sorted(cells: readonly Cell[]): readonly Cell[] {
  return cells.length < 2 ? cells : [...cells].sort(compareCells);
}

function byColumn(cells: readonly Cell[]): Map<string, Cell[]> {
  const columns = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = columnKey(cell);
    const versions = columns.get(key);
    if (versions === undefined) columns.set(key, [cell]);
    else versions.push(cell);
  }
  return columns;
}

/** The answer to a change that was applied before: the values there are now. */
function duplicateOf(list: readonly Mutation[], known: KnownCells): MutateResult {
  const cells: Cell[] = [];
  for (const mutation of list) {
    if ((mutation.kind !== 'increment' && mutation.kind !== 'append') || !mutation.returnResult) {
      continue;
    }
    for (const cell of mutation.cells) {
      const current = known.get(columnKey(cell))?.[0];
      if (current !== undefined) cells.push(current);
    }
  }
  return { processed: true, cells: sorted(cells) };
}

/** What a mutation depends on: the newest cell of its columns; for version markers as many as it has. */
function getFor(row: Buffer, mutation: Mutation): Get {
  const isDelete = mutation.kind === 'delete';
  return {
    row,
    existenceOnly: false,
    families: mutation.cells.map(({ family, qualifier }) => ({ family, qualifiers: [qualifier] })),
    timeRange: 'timeRange' in mutation ? mutation.timeRange : undefined,
    familyTimeRanges: [],
    versionsMax: isDelete ? mutation.cells.length : 1,
    storeLimit: undefined,
    storeOffset: 0,
    filter: undefined,
    cacheBlocks: true,
  };
}
