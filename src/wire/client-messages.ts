// The messages of HBase's ClientService as both sides hold them, in terms of base/operations.
//
// All bytes are views on the frame they came in. Cells of a result travel in the cell block when the
// connection has a codec, else inside the message: the codecs see to it.

import type { Cell } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import type { Condition, Get, Mutation, Scan } from '../base/operations.js';
import type { CellBlockWriter } from './cell-block.js';
import type { Uint64 } from './uint64.js';

/** A region by its full name, or by the 32 hexadecimal digits of it. */
export interface RegionSpecifier {
  readonly kind: 'name' | 'encoded';
  readonly value: Buffer;
}

/** Cells of one row, or an answer without cells. */
export interface CellResult {
  readonly cells: readonly Cell[];
  /** Set when only existence was asked. */
  readonly exists?: boolean;
  /** More cells of this row may follow in the next result. */
  readonly isPartial?: boolean;
}

export interface GetRequest {
  readonly region: RegionSpecifier;
  readonly get: Get;
}

export interface MutateRequest {
  readonly region: RegionSpecifier;
  readonly mutation: Mutation;
  readonly condition: Condition | undefined;
}

export interface MutateResponse {
  /** Of an increment or append. */
  readonly result?: CellResult;
  /** Whether the mutation was made: false only when its condition did not hold. */
  readonly processed?: boolean;
}

/** Part of a batch. `index` is how its answer is told apart: the client's, or its place. */
export type Action =
  | { readonly kind: 'get'; readonly index: number; readonly get: Get }
  | { readonly kind: 'mutation'; readonly index: number; readonly mutation: Mutation }
  /** Cannot be done, for this reason; the others of the batch can. */
  | { readonly kind: 'refused'; readonly index: number; readonly error: CadastreError };

export interface RegionAction {
  readonly region: RegionSpecifier;
  /** All mutations or none, in one step; `condition` is checked in the same step. */
  readonly isAtomic: boolean;
  readonly condition: Condition | undefined;
  readonly actions: readonly Action[];
}

export interface MultiRequest {
  readonly regions: readonly RegionAction[];
  /**
   * The condition of clients before 2.4, which send one for the whole request: it is in the first
   * region's action too, and such a client reads the answer's `processed` at the top.
   */
  readonly hasRequestCondition: boolean;
}

export type ActionOutcome =
  | {
      readonly kind: 'done';
      readonly index: number;
      /**
       * Cells of a get, increment or append; `empty` for puts and deletes; absent in the answer to
       * a condition, where clients look at `processed` instead.
       */
      readonly result?: CellResult | 'empty';
      /** The cells go into the message even when there is a block: so in atomic row mutations. */
      readonly isInline?: boolean;
    }
  | { readonly kind: 'error'; readonly index: number; readonly error: CadastreError };

/** The answer to one region's actions: one outcome each in any order, or one error for all. */
export type RegionActionResult =
  | {
      readonly kind: 'outcomes';
      readonly outcomes: readonly ActionOutcome[];
      /** Atomic actions: whether the condition held (true without one). */
      readonly processed?: boolean;
    }
  | { readonly kind: 'error'; readonly error: CadastreError };

export interface MultiResponse {
  /** One for each region action, in order. */
  readonly regions: readonly RegionActionResult[];
  /** For atomic actions without a condition, and for conditions of the whole request. */
  readonly processed?: boolean;
}

/** Opens a scanner, asks for the next results, renews its lease, or closes it. */
export interface ScanRequest {
  /** Set when a scanner is to be opened. */
  readonly open:
    { readonly region: RegionSpecifier; readonly scan: Scan; readonly sizeMax: number } | undefined;
  /** Set otherwise. */
  readonly scannerId: Uint64 | undefined;
  /** Rows (or pieces of rows) for this answer; undefined: the server decides. */
  readonly rowsMax: number | undefined;
  readonly isClosing: boolean;
  /** Number of the "next" call, from 0; undefined: not checked. */
  readonly nextCall: number | undefined;
  /** Rows for the whole scan from here on; 0: no limit. */
  readonly rowsLimit: number;
  readonly isRenewing: boolean;
  readonly handlesPartials: boolean;
  readonly handlesHeartbeats: boolean;
  readonly tracksMetrics: boolean;
  /** Wants to know in heartbeats how far the scan is. */
  readonly wantsCursor: boolean;
}

export interface ScanResponse {
  /** All results' cells, one result behind the other; none if they stand in `block`. */
  readonly cells: readonly Cell[];
  /** The same, as a server gathers them for a connection with a codec. */
  readonly block?: CellBlockWriter;
  readonly cellsPerResult: readonly number[];
  /** For each result, whether more cells of its row may follow. */
  readonly partialFlags: readonly boolean[];
  readonly scannerId?: Uint64;
  /** False: the scan is over. */
  readonly moreResults?: boolean;
  /** False: nothing more in this region, and the scanner is closed. */
  readonly moreResultsInRegion?: boolean;
  /** Lease of the scanner, milliseconds; in the answer to an opening. */
  readonly leaseMs?: number;
  /** The region's read point; in the answer to an opening. */
  readonly readPoint?: number;
  /** Sent because time was up, and not because there is nothing. */
  readonly isHeartbeat?: boolean;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly cursorRow?: Buffer;
}
