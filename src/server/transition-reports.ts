// Tells the master what became of openings and closings: a call of its own, apart from heartbeats, so
// that a heartbeat never undoes fresher news (R-A4).
//
// Invariants:
// 1. A report is sent until a master has accepted or refused it, whatever goes wrong meanwhile, in the
//    order it was made. Only one that a master cannot take even by itself lets the others pass (L10).
// 2. One call is under way at a time; what gathers meanwhile shares the next.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { assert, present } from '../base/assert.js';
import { asCadastreError } from '../base/errors.js';
import { ServerStatusService } from '../wire/generated/cadastre/internal_pb.js';
import type { TransitionReportSchema } from '../wire/generated/cadastre/internal_pb.js';
import type { Logger } from '../world/log.js';
import type { MasterLink } from './master-link.js';

export type TransitionReport = MessageInitShape<typeof TransitionReportSchema>;

/** What the master said of a report. */
export type Verdict =
  { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly reason: string };

interface Pending {
  readonly report: TransitionReport;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

/** Most reports in one call: bounds its size (L9). */
const reportsPerCallMax = 1_000;

export class TransitionReports {
  readonly #link: MasterLink;
  readonly #incarnation: number;
  readonly #regionSetVersion: () => number;
  readonly #log: Logger;
  readonly #queue: Pending[] = [];
  #isSending = false;
  #failures = 0;
  /** How many reports go alone, because a call with all of them failed. */
  #alone = 0;

  constructor(link: MasterLink, incarnation: number, regionSetVersion: () => number, log: Logger) {
    this.#link = link;
    this.#incarnation = incarnation;
    this.#regionSetVersion = regionSetVersion;
    this.#log = log;
  }

  /** Resolves with the master's verdict. Rejects only when this server stops. */
  send(report: TransitionReport): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ report, resolve, reject });
      void this.#sendAll();
    });
  }

  /** Never rejects. */
  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#queue.length > 0) {
      const size = this.#alone > 0 ? 1 : reportsPerCallMax;
      const batch = this.#queue.splice(0, size);
      this.#alone = Math.max(0, this.#alone - 1);
      try {
        await this.#send(batch);
        this.#failures = 0;
      } catch (error) {
        await this.#sendAgain(batch, error);
      }
    }
    this.#isSending = false;
  }

  async #send(batch: readonly Pending[]): Promise<void> {
    const { answers } = await this.#link.call(
      ServerStatusService.method.reportTransition,
      ({ epoch }) => ({
        incarnation: BigInt(this.#incarnation),
        epoch: BigInt(epoch),
        regionSetVersion: BigInt(this.#regionSetVersion()),
        reports: batch.map(({ report }) => report),
      }),
    );
    assert(answers.length === batch.length, 'the master answers each report');
    batch.forEach(({ resolve }, index) => {
      const { accepted, reason } = present(answers[index], 'the master answers each report');
      resolve(accepted ? { kind: 'accepted' } : { kind: 'refused', reason });
    });
  }

  /** A call failed in a way that the link does not take for passing: a fault on the master's side. */
  async #sendAgain(batch: readonly Pending[], thrown: unknown): Promise<void> {
    const { code, message } = asCadastreError(thrown);
    if (this.#link.isStopped) {
      for (const { reject } of batch) reject(thrown);
      return;
    }
    this.#failures += 1;
    const fields = { code, reason: message, reports: batch.length, failures: this.#failures };
    this.#log.warn('reports were not taken and will be sent again', fields);
    if (batch.length === 1) this.#queue.push(...batch);
    else {
      this.#queue.unshift(...batch);
      this.#alone = batch.length;
    }
    // Stopped meanwhile: the next call says so.
    await this.#link.pause(this.#failures).catch(() => undefined);
  }
}
