// What the master tells this server to do with regions: open, close, flush, compact.
//
// Invariants:
// 1. A region opens for one generation; an older one that is still here has never been acknowledged
//    in the newer one's time, so it is let go of without a flush before the newer opens.
// 2. A region serves after the master accepted its OPENED report; refused, it is closed quietly.
// 3. CLOSED is reported after the last flush is committed: nothing of the region is only in the log.
//    For one that served here and ended otherwise, CLOSED is never said: its edits may be in the log
//    alone, and whoever opened it next would not replay them.
// 4. Of the generations of a region at most one is open, being opened or being closed: the regions'
//    host keeps its books (what is needed of the log!) by region id.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Generation, RegionId, Revision } from '../base/ids.js';
import { TransitionKind } from '../wire/internal.js';
import type { CloseRegion, CompactRegion, FlushRegion, OpenRegion } from '../wire/internal.js';
import type { OpenRegionOptions, Region } from '../region/api.js';
import type { Logger } from '../world/log.js';
import type { Destination, Hosted, HostedRegions } from './hosted-regions.js';
import { serverLimits } from './limits.js';
import { Slots } from './slots.js';
import { Turns } from './turns.js';
import type { TransitionReports } from './transition-reports.js';

/** Who asked, to name it in reports and logs. */
export interface Order {
  readonly procedure: number;
  readonly operation: number;
}

export interface RegionOperationsOptions {
  readonly regions: HostedRegions;
  readonly reports: Pick<TransitionReports, 'send'>;
  readonly open: (options: OpenRegionOptions) => Promise<Region>;
  readonly log: Logger;
}

export class RegionOperations {
  readonly #options: RegionOperationsOptions;
  readonly #opens = new Slots(serverLimits.opensMax);
  readonly #closes = new Slots(serverLimits.closesMax);
  readonly #turns = new Turns<RegionId>();
  readonly #closings = new Map<Hosted, Promise<void>>();
  /** Regions that served here and whose last flush is not committed. One entry a region at most. */
  readonly #unflushed = new Map<RegionId, Generation>();
  #isDraining = false;

  constructor(options: RegionOperationsOptions) {
    this.#options = options;
  }

  /** How many regions have ended, or are ending, with edits that may be only in the log. */
  get unflushed(): number {
    return this.#unflushed.size;
  }

  /** Opens and reports. Resolves when the report is made; the region serves once it is accepted. */
  async open(wanted: OpenRegion, order: Order): Promise<void> {
    const { regions } = this.#options;
    const { regionId } = wanted.region;
    if (this.#isDraining) throw new CadastreError('server-stopped', 'this server is stopping');
    const known = regions.get(regionId);
    if (known !== undefined) {
      if (known.generation > wanted.generation) throw stale(known, wanted.generation);
      if (known.generation === wanted.generation) return;
      // Not awaited: it leaves the set at once, and the turn below waits for the rest.
      void this.#letGo(known);
    }
    const hosted = regions.add(wanted.region, wanted.generation);
    const failure = await this.#turns.run(regionId, () => this.#openInTurn(hosted, wanted, order));
    if (failure === undefined) return;
    const { code, message } = failure;
    const error = { code, message };
    await this.#report(hosted, order, { kind: TransitionKind.TRANSITION_FAILED_OPEN, error });
  }

  async #openInTurn(
    hosted: Hosted,
    wanted: OpenRegion,
    order: Order,
  ): Promise<CadastreError | undefined> {
    await this.#opens.take();
    try {
      return await this.#openInSlot(hosted, wanted, order);
    } finally {
      this.#opens.give();
    }
  }

  /** Resolves to the failure that the master must hear of. */
  async #openInSlot(
    hosted: Hosted,
    wanted: OpenRegion,
    order: Order,
  ): Promise<CadastreError | undefined> {
    const { regions, log } = this.#options;
    const fields = logFields(hosted, order);
    // Across each await it may have been closed, or replaced by a newer generation.
    const isWanted = (): boolean => regions.get(hosted.info.regionId) === hosted;
    if (!isWanted()) return undefined;
    this.#unflushed.delete(hosted.info.regionId);
    let region: Region;
    try {
      const onFenced = (error: CadastreError): void => this.#onFenced(hosted, error);
      region = await this.#options.open({ ...openOptions(wanted), onFenced });
    } catch (thrown) {
      const error = asCadastreError(thrown);
      log.error('a region could not be opened', {
        ...fields,
        code: error.code,
        reason: error.message,
      });
      if (!isWanted()) return undefined;
      regions.remove(hosted, 0);
      return error;
    }
    if (!isWanted()) {
      await closeRegion(region, { flush: false });
      return undefined;
    }
    regions.opened(hosted, region);
    const openSequence = BigInt(region.openSequence);
    const report = { kind: TransitionKind.TRANSITION_OPENED, openSequence };
    // Not awaited in the slot: the next region opens while the master commits this one.
    void this.#serveOnceAccepted(hosted, region, this.#report(hosted, order, report), fields);
    return undefined;
  }

  /** Never rejects. */
  async #serveOnceAccepted(
    hosted: Hosted,
    region: Region,
    verdict: ReturnType<TransitionReports['send']>,
    fields: Readonly<Record<string, number>>,
  ): Promise<void> {
    const { regions, log } = this.#options;
    try {
      const answer = await verdict;
      if (hosted.hosting.kind !== 'opened') return;
      if (answer.kind === 'accepted') {
        log.info('region opened', { ...fields, openSequence: region.openSequence });
        regions.serve(hosted);
        return;
      }
      log.warn('the master refused an opened region: closing it', {
        ...fields,
        reason: answer.reason,
      });
      await this.#letGo(hosted);
    } catch (thrown) {
      const error = asCadastreError(thrown);
      if (error.code === 'stopped') log.debug('stopped before a region was reported', fields);
      else log.error('a fault after the opening of a region', fields, error);
    }
  }

  /** Flushes, closes, reports CLOSED. Closing what is not here is reported too, where it is true. */
  async close(wanted: CloseRegion, order: Order): Promise<void> {
    const { regions, log } = this.#options;
    const { regionId, generation, destination } = wanted;
    const hosted = regions.get(regionId);
    if (hosted !== undefined && hosted.generation > generation) throw stale(hosted, generation);
    if (hosted !== undefined && hosted.generation < generation) await this.#letGo(hosted);
    if (hosted !== undefined && hosted.generation === generation) {
      await this.#closeHosted(hosted, destination);
      log.info('region closed', logFields(hosted, order));
    }
    if (this.#unflushed.get(regionId) === generation) throw notFlushed(regionId, generation);
    const report = { kind: TransitionKind.TRANSITION_CLOSED };
    await this.#report({ info: { regionId }, generation }, order, report);
  }

  /** Whoever asks again while it is being closed waits for the same end. */
  #closeHosted(hosted: Hosted, destination: Destination | undefined): Promise<void> {
    const running = this.#closings.get(hosted);
    if (running !== undefined) return running;
    const closing = this.#flushAndClose(hosted, destination).finally(() => {
      this.#closings.delete(hosted);
    });
    this.#closings.set(hosted, closing);
    return closing;
  }

  async #flushAndClose(hosted: Hosted, destination: Destination | undefined): Promise<void> {
    const { regions } = this.#options;
    const { hosting, info, generation } = hosted;
    regions.closing(hosted, destination);
    if (hosting.kind !== 'opened' && hosting.kind !== 'serving') {
      // It was being opened: its turn finds it gone, and closes what it opened.
      regions.remove(hosted, 0);
      return;
    }
    const { region } = hosting;
    // Nothing was ever written to a region that has not served.
    const flush = hosting.kind === 'serving';
    if (flush) this.#unflushed.set(info.regionId, generation);
    try {
      await this.#turns.run(info.regionId, () => this.#closeInSlot(region, flush));
      if (this.#unflushed.get(info.regionId) === generation) this.#unflushed.delete(info.regionId);
    } finally {
      // A server that stops keeps them in its list: the master would take it that they are lost.
      if (!this.#isDraining) regions.remove(hosted, region.openSequence);
    }
  }

  async #closeInSlot(region: Region, flush: boolean): Promise<void> {
    await this.#closes.take();
    try {
      await closeRegion(region, { flush });
    } finally {
      this.#closes.give();
    }
  }

  async flush({ regionId, generation }: FlushRegion): Promise<void> {
    await this.#serving(regionId, generation).flush();
  }

  async compact({ regionId, generation, family, isMajor }: CompactRegion): Promise<void> {
    const region = this.#serving(regionId, generation);
    await region.compact({ major: isMajor, ...(family === undefined ? {} : { family }) });
  }

  /** Closes without a flush, and tells nobody: the region is not this server's. */
  async letGo(id: RegionId, generation: Generation): Promise<void> {
    const hosted = this.#options.regions.get(id);
    if (hosted?.generation === generation) await this.#letGo(hosted);
  }

  /**
   * For a clean stop: opens nothing any more, and flushes and closes everything, so that nothing need
   * be replayed. Never rejects; what could not be flushed is said, and counted by `unflushed`.
   */
  async drain(): Promise<void> {
    const { regions, log } = this.#options;
    this.#isDraining = true;
    const drainOne = async (hosted: Hosted): Promise<void> => {
      try {
        await this.#closeHosted(hosted, undefined);
      } catch (error) {
        const reason = asCadastreError(error).message;
        const region = hosted.info.regionId;
        log.warn('a region was not flushed; its edits stay in the log', { region, reason });
      }
    };
    await Promise.all([...regions.all()].map(drainOne));
  }

  /** Closes without a flush, and tells nobody. Never rejects. */
  async #letGo(hosted: Hosted): Promise<void> {
    const { regions, log } = this.#options;
    const { hosting, info, generation } = hosted;
    regions.closing(hosted, undefined);
    regions.remove(hosted, 0);
    if (hosting.kind !== 'opened' && hosting.kind !== 'serving') return;
    const { region } = hosting;
    const hasEdits = hosting.kind === 'serving' && region.metrics.memstoreBytes > 0;
    if (hasEdits) this.#unflushed.set(info.regionId, generation);
    try {
      await this.#turns.run(info.regionId, () => closeRegion(region, { flush: false }));
    } catch (error) {
      const reason = asCadastreError(error).message;
      log.warn('a region that was let go of did not close', { region: info.regionId, reason });
    }
  }

  #onFenced(hosted: Hosted, error: CadastreError): void {
    const { regions, log } = this.#options;
    const fields = { region: hosted.info.regionId, generation: hosted.generation };
    if (error.code === 'stopped') log.debug('a region stops with its server', fields);
    else log.warn('a region is fenced: closing it', { ...fields, reason: error.message });
    if (regions.get(hosted.info.regionId) === hosted) void this.#letGo(hosted);
  }

  #serving(id: RegionId, generation: Generation): Region {
    const hosted = this.#options.regions.get(id);
    if (hosted?.hosting.kind === 'serving' && hosted.generation === generation) {
      return hosted.hosting.region;
    }
    throw new CadastreError(
      'region-not-serving',
      `region ${id} of generation ${generation} is not open here`,
    );
  }

  #report(
    region: { readonly info: { readonly regionId: RegionId }; readonly generation: Generation },
    order: Order,
    news: News,
  ): ReturnType<TransitionReports['send']> {
    return this.#options.reports.send({
      ...news,
      regionId: BigInt(region.info.regionId),
      generation: BigInt(region.generation),
      procedureId: BigInt(order.procedure),
      operationNumber: BigInt(order.operation),
    });
  }
}

/** Closes it, and if its flush fails, lets go of what its host still has of it; then rejects. */
async function closeRegion(region: Region, options: { readonly flush: boolean }): Promise<void> {
  try {
    await region.close(options);
  } catch (error) {
    // Why the first one failed is what matters: that this one does too follows from it.
    await region.close({ flush: false }).catch(() => undefined);
    throw error;
  }
}

/** What a report says of its region. */
interface News {
  readonly kind: TransitionKind;
  readonly openSequence?: bigint;
  readonly error?: { readonly code: string; readonly message: string };
}

function openOptions(wanted: OpenRegion): OpenRegionOptions {
  const { region, table, kind: _kind, ...rest } = wanted;
  // No later than when the list was read: older than true only delays the collector.
  const revision = Math.max(0, ...wanted.files.map(({ birth }) => birth)) as Revision;
  return { ...rest, info: region, descriptor: table, revision };
}

function stale(hosted: Hosted, generation: Generation): CadastreError {
  const { regionId } = hosted.info;
  return new CadastreError(
    'stale-generation',
    `region ${regionId} is here with generation ${hosted.generation}, later than ${generation}`,
  );
}

function notFlushed(regionId: RegionId, generation: Generation): CadastreError {
  return new CadastreError(
    'region-not-serving',
    `region ${regionId} of generation ${generation} ended here without its last flush`,
    { nextStep: 'Seal this server’s log and recover the region from it.' },
  );
}

function logFields({ info, generation }: Hosted, order: Order) {
  return { pid: order.procedure, region: info.regionId, generation };
}
