// Faults of a simulated device: one-shot ones that a test orders, and random ones at a rate.

import { CadastreError, type ErrorCode } from '../../base/errors.js';
import type { SimRandom } from './random.js';

/** What a failing operation leaves behind before its error is reported. */
export type FaultEffect = 'none' | 'partial' | 'whole';

export interface Fault {
  readonly code: ErrorCode;
  readonly effect: FaultEffect;
}

export interface OrderedFault extends Partial<Fault> {
  /** Only operations on paths or keys that contain this; default: all. */
  readonly where?: string;
  /** How many operations fail; default 1. */
  readonly times?: number;
  /** How many matching operations go through before that; default 0. */
  readonly after?: number;
}

interface Order<Operation> extends Fault {
  readonly operation: Operation;
  readonly where: string;
  timesLeft: number;
  skipsLeft: number;
}

export class Faults<Operation extends string> {
  readonly #random: SimRandom;
  readonly #rates = new Map<Operation, number>();
  #orders: Order<Operation>[] = [];

  constructor(random: SimRandom) {
    this.#random = random.fork('faults');
  }

  /** Makes the next matching operations fail; default: `storage-unavailable`, with no effect. */
  failNext(operation: Operation, order: OrderedFault = {}): void {
    const { code = 'storage-unavailable', effect = 'none', where = '' } = order;
    const { times = 1, after = 0 } = order;
    this.#orders.push({ operation, code, effect, where, timesLeft: times, skipsLeft: after });
  }

  /** Makes this share of operations fail as `storage-unavailable`, with any effect. */
  failAtRate(operation: Operation, probability: number): void {
    this.#rates.set(operation, probability);
  }

  /** No faults from now on. */
  clear(): void {
    this.#orders = [];
    this.#rates.clear();
  }

  /** The fault this operation meets, if any. */
  take(operation: Operation, path: string): Fault | undefined {
    const order = this.#orders.find(
      (candidate) => candidate.operation === operation && path.includes(candidate.where),
    );
    if (order !== undefined) {
      if (order.skipsLeft-- > 0) return undefined;
      if (--order.timesLeft <= 0) this.#orders = this.#orders.filter((other) => other !== order);
      return order;
    }
    if (!this.#random.chance(this.#rates.get(operation) ?? 0)) return undefined;
    const effect = this.#random.pick<FaultEffect>(['none', 'partial', 'whole']);
    return { code: 'storage-unavailable', effect };
  }
}

/** The error a caller sees. */
export function faultError(fault: Fault, operation: string, path: string): CadastreError {
  return new CadastreError(fault.code, `${operation} of ${path} failed: ${fault.code} (simulated)`);
}
