// Reads hbase:meta, wherever it is served. Source: 3.28 to 3.31 of research/wire-trace.md.

import { asCadastreError } from '../base/errors.js';
import type { Get, Scan } from '../base/operations.js';
import type { Address } from '../world/network.js';
import type { ScanRequest } from '../wire/client-messages.js';
import { decodeMetaRow, decodeTableState, metaRegionName } from '../wire/meta-rows.js';
import type { MetaLocation, TableState } from '../wire/meta-rows.js';
import type { RpcClient } from '../wire/rpc-client.js';
import type { Uint64 } from '../wire/uint64.js';
import { reactionTo } from './attempts.js';
import type { Attempts } from './attempts.js';
import { clientLimits } from './limits.js';
import { callGet, callScan, highPriority, plainScanRequest, resultsOf } from './region-calls.js';
import type { CallOptions } from './region-calls.js';
import type { Registry } from './registry.js';
import { selectionOf } from './selection.js';

const meta = { kind: 'name', value: metaRegionName } as const;
const nothing = Buffer.alloc(0);
/** Whole rows only: they are small, and are decoded one by one. */
const metaScanRequest: ScanRequest = {
  ...plainScanRequest,
  handlesPartials: false,
  handlesHeartbeats: false,
};

export class MetaReader {
  readonly #rpc: RpcClient;
  readonly #registry: Registry;
  #server: Promise<Address> | undefined;

  constructor(rpc: RpcClient, registry: Registry) {
    this.#rpc = rpc;
    this.#registry = registry;
  }

  /** The table's state; undefined if there is no such table. One attempt. */
  async tableState(table: string, attempts: Attempts): Promise<TableState | undefined> {
    const get: Get = {
      ...selectionOf({ columns: ['table:state'] }),
      row: Buffer.from(table),
      existenceOnly: false,
    };
    const { cells } = await this.#atServer(attempts, (server, options) =>
      callGet(this.#rpc, server, { region: meta, get }, options),
    );
    return cells[0] === undefined ? undefined : decodeTableState(cells[0].value);
  }

  /** The region that holds `row`, and some before it. One attempt. */
  holding(table: string, row: Buffer, attempts: Attempts): Promise<MetaLocation[]> {
    return this.#backwards(table, key(table, row, '99999999999999'), attempts);
  }

  /** The region before `row`, or the last one, and some before it. One attempt. */
  before(table: string, row: Buffer | undefined, attempts: Attempts): Promise<MetaLocation[]> {
    const start = row === undefined ? end(table) : key(table, row, '00000000000000');
    return this.#backwards(table, start, attempts);
  }

  /** All regions of a table, in the order of their keys. One attempt. */
  async regions(table: string, attempts: Attempts): Promise<MetaLocation[]> {
    const scan = scanOf(key(table, nothing, ''), end(table), false);
    return (await this.#scan(scan, clientLimits.metaRowsMax, Infinity, attempts)).filter(
      ({ region }) => !(region.isSplit && region.isOffline),
    );
  }

  #backwards(table: string, startRow: Buffer, attempts: Attempts): Promise<MetaLocation[]> {
    const scan = scanOf(startRow, key(table, nothing, ''), true);
    const { lookUpRows } = clientLimits;
    return this.#scan(scan, lookUpRows, lookUpRows, attempts);
  }

  #scan(scan: Scan, rowsMax: number, limit: number, attempts: Attempts): Promise<MetaLocation[]> {
    return this.#atServer(attempts, async (server, options) => {
      const open = { region: meta, scan, sizeMax: clientLimits.scanAnswerBytes };
      let request: ScanRequest = { ...metaScanRequest, open, rowsMax };
      const locations: MetaLocation[] = [];
      for (let nextCall = 0; ; nextCall++) {
        const answer = await callScan(this.#rpc, server, request, options);
        for (const cells of resultsOf(answer)) {
          const location = decodeMetaRow(cells);
          if (location !== undefined) locations.push(location);
        }
        const { scannerId } = answer;
        const isOver = answer.moreResults === false || answer.moreResultsInRegion !== true;
        if (isOver || scannerId === undefined) return locations;
        if (locations.length >= limit) {
          this.#close(server, scannerId, options);
          return locations;
        }
        request = { ...metaScanRequest, scannerId, rowsMax, nextCall };
      }
    });
  }

  #close(server: Address, scannerId: Uint64, options: CallOptions): void {
    const request = { ...metaScanRequest, scannerId, rowsMax: 0, isClosing: true };
    // The answer is not needed, and the scanner's lease ends it otherwise.
    callScan(this.#rpc, server, request, options).catch(() => undefined);
  }

  async #atServer<T>(
    attempts: Attempts,
    call: (server: Address, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const asked = (this.#server ??= this.#registry.metaServer(attempts.callTimeoutMs()));
    try {
      return await call(await asked, {
        timeoutMs: attempts.callTimeoutMs(),
        priority: highPriority,
      });
    } catch (error) {
      const isElsewhere = reactionTo(asCadastreError(error)) !== 'give-up';
      if (isElsewhere && this.#server === asked) this.#server = undefined;
      throw error;
    }
  }
}

function scanOf(startRow: Buffer, stopRow: Buffer, reversed: boolean): Scan {
  return {
    ...selectionOf({ columns: ['info'] }),
    startRow,
    includeStart: true,
    stopRow,
    includeStop: reversed,
    reversed,
    batch: 0,
    raw: false,
    readUncommitted: false,
    readPoint: 0,
  };
}

function key(table: string, row: Buffer, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${table},`), row, Buffer.from(`,${id}`)]);
}

/** Sorts behind all regions of the table, and before those of all later tables. */
function end(table: string): Buffer {
  return Buffer.from(`${table} ,,`);
}
