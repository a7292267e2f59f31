// A scanner as its reader holds it: the loop over rows, and what must happen around it.

import type { CadastreError } from '../base/errors.js';
import type { RegionScanner, ResultSink, ScanLimits, ScanState } from './api.js';
import type { RowLoop } from './row-loop.js';

interface ScannerEvents {
  /** Cells were looked at since the last call. */
  onCells(cells: number): void;
  /** Called once. */
  onClose(): void;
}

export class OpenScanner implements RegionScanner {
  readonly readPoint: number;
  readonly #loop: RowLoop;
  readonly #events: ScannerEvents;
  #cells = 0;
  #isClosed = false;
  #closedBy: CadastreError | undefined;

  constructor(loop: RowLoop, readPoint: number, events: ScannerEvents) {
    this.#loop = loop;
    this.readPoint = readPoint;
    this.#events = events;
  }

  get rowsScanned(): number {
    return this.#loop.rowsScanned;
  }
  get rowsFiltered(): number {
    return this.#loop.rowsFiltered;
  }
  get currentRow(): Buffer | undefined {
    return this.#loop.currentRow;
  }

  next(limits: ScanLimits, sink: ResultSink): ScanState | Promise<ScanState> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    let state: ScanState | Promise<ScanState>;
    try {
      state = this.#loop.next(limits, sink);
    } catch (error) {
      this.close();
      throw error;
    }
    return typeof state === 'string' ? this.#after(state) : this.#afterReading(state);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop.close();
    this.#events.onClose();
  }

  /** Ends it with an error that the next call meets. */
  closeBy(error: CadastreError): void {
    this.#closedBy = error;
    this.close();
  }

  async #afterReading(reading: Promise<ScanState>): Promise<ScanState> {
    try {
      return this.#after(await reading);
    } catch (error) {
      this.close();
      throw this.#closedBy ?? error;
    }
  }

  #after(state: ScanState): ScanState {
    const cells = this.#loop.cellsExamined;
    this.#events.onCells(cells - this.#cells);
    this.#cells = cells;
    if (state === 'exhausted' || state === 'filter-done') this.#release();
    return state;
  }

  /** Nothing more comes: the files are let go at once, further calls say the same. */
  #release(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events.onClose();
  }
}
