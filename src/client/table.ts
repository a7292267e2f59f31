// One table: its rows read, written and scanned. Every method waits out what passes (a region on the
// move, a server that is restarted) up to the client's operation timeout, and then fails with
// `timed-out`. Rows of tables and regions that do not exist fail at once.

import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Condition, Mutation, Scan } from '../base/operations.js';
import { checkedRow } from '../wire/row.js';
import { mayBeDone, withAttempts } from './attempts.js';
import { runBatch } from './batch.js';
import type { BatchAction, BatchOutcome } from './batch.js';
import { rowBehindPrefix, toBuffer } from './bytes.js';
import type { Bytes } from './bytes.js';
import { conditionOf } from './condition.js';
import type { Check } from './condition.js';
import { attemptsOf, newNonce } from './context.js';
import type { ClientContext } from './context.js';
import type { Location } from './location-cache.js';
import { getOf, mutationOf } from './operations.js';
import type {
  DeleteTarget,
  MutationOperation,
  Operation,
  PutValues,
  WriteOptions,
} from './operations.js';
import { callGet, callMulti, callMutate } from './region-calls.js';
import type { CallOptions } from './region-calls.js';
import { rowOf } from './row.js';
import type { Row } from './row.js';
import { scanPages } from './scanner.js';
import { selectionOf } from './selection.js';
import type { ReadOptions, Timestamp } from './selection.js';

export interface ScanOptions extends ReadOptions {
  /** First row; default: the table's first, or last when reversed. */
  readonly start?: Bytes;
  /** Default true. */
  readonly includeStart?: boolean;
  /** Row to stop at; default: the table's end. */
  readonly stop?: Bytes;
  /** Default false. */
  readonly includeStop?: boolean;
  /** Rows that start with these bytes; not together with `start` and `stop`. */
  readonly prefix?: Bytes;
  readonly reversed?: boolean;
  /** Rows at most. */
  readonly limit?: number;
  /** Cells in one row object; longer rows come in several. */
  readonly batch?: number;
  /** Rows in one answer of a server at most; default: as many as fit 2 MiB. */
  readonly rowsPerAnswer?: number;
  /** Delete markers and deleted cells too. */
  readonly raw?: boolean;
}

export class Table {
  readonly name: string;
  readonly #context: ClientContext;

  constructor(context: ClientContext, name: string) {
    this.#context = context;
    this.name = name;
  }

  /** The row; undefined if nothing of it is there. */
  async get(row: Bytes, options: ReadOptions = {}): Promise<Row | undefined> {
    const get = getOf(row, options);
    const answer = await this.#atRegion('a get', get.row, (location, call) => {
      const region = { kind: 'name', value: location.name } as const;
      return callGet(this.#context.rpc, location.server, { region, get }, call);
    });
    return rowOf(answer.cells);
  }

  async exists(row: Bytes, options: ReadOptions = {}): Promise<boolean> {
    const get = getOf(row, options, true);
    const answer = await this.#atRegion('a get', get.row, (location, call) => {
      const region = { kind: 'name', value: location.name } as const;
      return callGet(this.#context.rpc, location.server, { region, get }, call);
    });
    return answer.exists === true;
  }

  /** Values by `family:qualifier`, or cells. */
  async put(row: Bytes, values: PutValues, options: WriteOptions = {}): Promise<void> {
    await this.#mutate({ kind: 'put', row, values, ...options });
  }

  /** Without targets the whole row. */
  async delete(
    row: Bytes,
    targets: readonly DeleteTarget[] = [],
    options: WriteOptions & { readonly timestamp?: Timestamp } = {},
  ): Promise<void> {
    await this.#mutate({ kind: 'delete', row, targets, ...options });
  }

  /** Adds to numbers by `family:qualifier`, in one step; the answer holds the new values. */
  async increment(
    row: Bytes,
    amounts: Readonly<Record<string, number | bigint>>,
    options: WriteOptions = {},
  ): Promise<Row> {
    const { row: answer } = await this.#mutate({ kind: 'increment', row, amounts, ...options });
    return answeredRow(answer);
  }

  /** Appends to values by `family:qualifier`, in one step; the answer holds the new values. */
  async append(
    row: Bytes,
    values: Readonly<Record<string, Bytes>>,
    options: WriteOptions = {},
  ): Promise<Row> {
    const { row: answer } = await this.#mutate({ kind: 'append', row, values, ...options });
    return answeredRow(answer);
  }

  /**
   * Mutates the row if the check holds, in one step; several mutations all together. Answers whether
   * it held. Is not tried again when the first attempt may have been done: fails with
   * `connection-lost` or `timed-out` then.
   */
  async checkAndMutate(
    row: Bytes,
    check: Check,
    mutations: MutationOperation | readonly MutationOperation[],
  ): Promise<boolean> {
    const key = checkedRow(toBuffer(row));
    const condition = conditionOf(key, check);
    if ('kind' in mutations) return (await this.#mutate(mutations, condition)).processed;
    return this.#mutateTogether(key, mutations, condition);
  }

  /** Several mutations of one row, all together or not at all. */
  async mutateRow(row: Bytes, mutations: readonly MutationOperation[]): Promise<void> {
    await this.#mutateTogether(checkedRow(toBuffer(row)), mutations, undefined);
  }

  /**
   * Many operations, each on its own and in no certain order, grouped by server. One outcome for
   * each, in their order; what fails for some does not hinder the others.
   */
  async batch(operations: readonly Operation[]): Promise<BatchOutcome[]> {
    const refused = new Map<number, CadastreError>();
    const actions: BatchAction[] = [];
    operations.forEach((operation, index) => {
      try {
        actions.push(this.#actionOf(operation));
      } catch (error) {
        refused.set(index, asCadastreError(error));
      }
    });
    const outcomes = await runBatch(this.#context, this.name, actions);
    if (refused.size === 0) return outcomes;
    let at = 0;
    return operations.map((_, index) => {
      const error = refused.get(index);
      return error === undefined ? (outcomes[at++] as BatchOutcome) : { kind: 'failed', error };
    });
  }

  /** Rows in order of their keys. Leaving the loop early ends the scan. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Row, void, void> {
    for await (const rows of this.scanPages(options)) for (const row of rows) yield row;
  }

  /** As `scan`, an answer's worth of rows at a time: for those in a hurry. */
  scanPages(options: ScanOptions = {}): AsyncGenerator<readonly Row[], void, void> {
    const { limit = 0, rowsPerAnswer } = options;
    return scanPages(this.#context, this.name, { scan: scanOf(options), limit, rowsPerAnswer });
  }

  #actionOf(operation: Operation): BatchAction {
    if (operation.kind === 'get') {
      const { kind, row, ...options } = operation;
      return { kind, get: getOf(row, options) };
    }
    return { kind: 'mutation', mutation: this.#mutationOf(operation) };
  }

  #mutationOf(operation: MutationOperation): Mutation {
    return mutationOf(operation, () => newNonce(this.#context));
  }

  async #mutate(operation: MutationOperation, condition?: Condition) {
    const mutation = this.#mutationOf(operation);
    const { rpc } = this.#context;
    const answer = await this.#atRegion(
      `a ${operation.kind}`,
      mutation.row,
      (location, call) => {
        const region = { kind: 'name', value: location.name } as const;
        return callMutate(rpc, location.server, { region, mutation, condition }, call);
      },
      condition !== undefined,
    );
    return { row: rowOf(answer.result?.cells ?? []), processed: answer.processed ?? true };
  }

  async #mutateTogether(
    row: Buffer,
    operations: readonly MutationOperation[],
    condition: Condition | undefined,
  ): Promise<boolean> {
    const mutations = operations.map((operation) => this.#mutationOf(operation));
    if (mutations.length === 0 || mutations.some((mutation) => !mutation.row.equals(row))) {
      throw new CadastreError('bad-request', `not all mutations are of row ${row.toString()}`, {
        nextStep: 'Give one mutation or more, all of the same row.',
      });
    }
    const actions = mutations.map(
      (mutation, index) => ({ kind: 'mutation', mutation, index }) as const,
    );
    const answer = await this.#atRegion(
      'a change of a row',
      row,
      async (location, call) => {
        const region = { kind: 'name', value: location.name } as const;
        const regions = [{ region, isAtomic: true, condition, actions }];
        const request = { regions, hasRequestCondition: false };
        const { regions: results, processed } = await callMulti(
          this.#context.rpc,
          location.server,
          request,
          call,
        );
        const [result] = results;
        if (result === undefined || result.kind === 'error') {
          throw result?.error ?? new CadastreError('internal', 'a batch was not answered');
        }
        for (const outcome of result.outcomes) if (outcome.kind === 'error') throw outcome.error;
        return result.processed ?? processed ?? true;
      },
      condition !== undefined,
    );
    return answer;
  }

  /** Calls the region of a row until it answers. `isOnce`: not again if it may have been done. */
  #atRegion<T>(
    what: string,
    row: Buffer,
    call: (location: Location, options: CallOptions) => Promise<T>,
    isOnce = false,
  ): Promise<T> {
    const { locator } = this.#context;
    const attempts = attemptsOf(this.#context, `${what} of ${this.name}`);
    return withAttempts(attempts, async () => {
      const location = await locator.holding(this.name, row, attempts);
      try {
        return await call(location, { timeoutMs: attempts.callTimeoutMs() });
      } catch (thrown) {
        const error = asCadastreError(thrown);
        await locator.failed(this.name, location, error, attempts);
        if (isOnce && mayBeDone(error)) throw uncertain(error);
        throw error;
      }
    });
  }
}

/** Not to be tried again: a second attempt would check what the first has changed. */
function uncertain(error: CadastreError): CadastreError {
  return new CadastreError('internal', `it is not known whether it was done: ${error.message}`, {
    cause: error,
    nextStep: 'Read the row to see.',
  });
}

function answeredRow(row: Row | undefined): Row {
  if (row !== undefined) return row;
  throw new CadastreError('internal', 'the server answered without the new values');
}

function scanOf(options: ScanOptions): Scan {
  const { prefix, start = '', stop = '', reversed = false } = options;
  const isRange = options.start !== undefined || options.stop !== undefined;
  if (prefix !== undefined && isRange) {
    throw new CadastreError('bad-request', 'prefix and start or stop exclude each other');
  }
  const range = {
    startRow: toBuffer(start),
    includeStart: options.includeStart ?? true,
    stopRow: toBuffer(stop),
    includeStop: options.includeStop ?? false,
  };
  return {
    ...selectionOf(options),
    ...(prefix === undefined ? range : prefixRange(toBuffer(prefix), reversed)),
    reversed,
    batch: options.batch ?? 0,
    raw: options.raw ?? false,
    readUncommitted: false,
    readPoint: 0,
  };
}

function prefixRange(prefix: Buffer, reversed: boolean) {
  const end = rowBehindPrefix(prefix);
  return reversed
    ? { startRow: end, includeStart: false, stopRow: prefix, includeStop: true }
    : { startRow: prefix, includeStart: true, stopRow: end, includeStop: false };
}
