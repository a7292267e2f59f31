// A region server for tests of the master: it speaks the internal protocol over the simulated
// network, keeps a real write-ahead log, opens and closes regions, sorts logs, and does to each
// operation what the test says. It stores no cells: an edit is a number under a region.

import type {
  Epoch,
  Generation,
  Incarnation,
  ProcedureId,
  RegionId,
  Sequence,
} from '../../base/ids.js';
import { asCadastreError } from '../../base/errors.js';
import type { CadastreError } from '../../base/errors.js';
import { sampleFile } from '../../catalog/testing/samples.js';
import { OperationReceiver } from '../../procedure/operation-receiver.js';
import type { RemoteOperation as Received } from '../../procedure/api.js';
import type { LogWriter } from '../../storage/log.js';
import { allotIncarnation } from '../../storage/names.js';
import { currentMaster } from '../../storage/election.js';
import { openStorage } from '../../storage/root.js';
import type { RootedStorage } from '../../storage/root.js';
import { RpcClient } from '../../wire/rpc-client.js';
import { RpcServer } from '../../wire/rpc-server.js';
import {
  errorToMessage,
  heldRegionToMessage,
  storeCommitToMessage,
} from '../../wire/internal-codec.js';
import type { OpenRegion, RemoteOperation, SortLog } from '../../wire/internal.js';
import {
  ServerControlService,
  ServerStatusService,
  TransitionKind,
  decodeOperation,
  digestRegions,
  encodeSortLogResult,
} from '../../wire/internal.js';
import { callProto, protoService } from '../../wire/proto-service.js';
import type { SimNode } from '../../world/simulated/node.js';
import type { StoreCommit } from '../../base/store-file.js';
import type { OperationKind, TransitionReport } from '../../wire/generated/cadastre/internal_pb.js';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TransitionReportSchema } from '../../wire/generated/cadastre/internal_pb.js';

/** What a server does with an operation: as asked, nothing at all, or fail. */
export type Treatment = 'obey' | 'ignore' | { readonly fail: CadastreError };

export interface FakeServerOptions {
  /** Asked for each operation. */
  readonly treat?: (operation: RemoteOperation, server: FakeServer) => Treatment;
  readonly heartbeatMs?: number;
  /** Called for each answer to a report, before the server acts on it. */
  readonly onAnswer?: (report: SentReport, isAccepted: boolean) => void;
}

export type SentReport = Omit<MessageInitShape<typeof TransitionReportSchema>, '$typeName'>;

interface HeldRegion {
  readonly regionId: RegionId;
  readonly generation: Generation;
  isServing: boolean;
  sequence: number;
  /** Edits that it has, replayed ones too. */
  readonly edits: Set<string>;
  commits: number;
  readonly slices: readonly string[];
}

export class FakeServer {
  readonly node: SimNode;
  readonly #options: FakeServerOptions;
  readonly #rpc: RpcClient;
  #server: RpcServer | undefined;
  #storage: RootedStorage | undefined;
  #log: LogWriter | undefined;
  #receiver = new OperationReceiver(0 as Incarnation);
  readonly #regions = new Map<RegionId, HeldRegion>();
  #port = 0;
  #epoch = 0;
  #version = 0;
  #objects = 0;
  #isReporting = false;
  incarnation = 0 as Incarnation;
  /** Why it stopped, once the master told it to. */
  fenced: CadastreError | undefined;
  wantsRegions = false;
  /** Operations received, in order, once each. */
  readonly operations: RemoteOperation[] = [];

  constructor(node: SimNode, options: FakeServerOptions = {}) {
    this.node = node;
    this.#options = options;
    this.#rpc = new RpcClient({
      network: node.world.network,
      clock: node.world.clock,
      user: 'server',
      softwareVersion: 'test',
    });
  }

  get serving(): readonly RegionId[] {
    return [...this.#regions.values()]
      .filter((r) => r.isServing)
      .map((r) => r.regionId)
      .sort((a, b) => a - b);
  }

  held(region: RegionId): HeldRegion | undefined {
    return this.#regions.get(region);
  }

  get address() {
    return { host: this.node.name, port: this.#port };
  }

  async start(): Promise<void> {
    const { world } = this.node;
    this.#storage = await openStorage(world);
    const { incarnation, log } = await allotIncarnation(this.#storage.logs);
    this.incarnation = incarnation;
    this.#log = log;
    this.#receiver = new OperationReceiver(incarnation);
    this.#server = new RpcServer({
      network: world.network,
      clock: world.clock,
      log: world.log,
      services: [
        protoService(ServerControlService, {
          executeOperations: (request) => {
            const fresh = this.#receiver.receive({
              epoch: Number(request.epoch) as Epoch,
              server: Number(request.incarnation) as Incarnation,
              floor: Number(request.acknowledgedFloor),
              voided: request.voided.map(Number),
              operations: request.operations.map((operation) => ({
                number: Number(operation.number),
                procedure: Number(operation.procedureId) as ProcedureId,
                parent: undefined,
                attempt: operation.attempt,
                kind: String(operation.kind),
                body: operation.body,
              })),
            });
            for (const operation of fresh) void this.#execute(operation);
            return {};
          },
        }),
      ],
      clusterId: () => undefined,
    });
    const address = await this.#server.listen({ host: this.node.name, port: 0 });
    this.#port = address.port;
    await this.#register();
    this.#beatLater();
    this.#reportLater();
  }

  /** Appends an edit to the log; resolves once it is durable, and tells whether it was acknowledged. */
  write(region: RegionId): Promise<boolean> {
    const held = this.#regions.get(region);
    const log = this.#log;
    if (held?.isServing !== true || log === undefined) return Promise.resolve(false);
    const sequence = ++held.sequence;
    const edit = `${region}/${sequence}`;
    const number = log.append(Buffer.from(JSON.stringify({ region, sequence, edit })));
    // As a memstore does: a flush that comes now includes it.
    held.edits.add(edit);
    return new Promise((resolve) => {
      log.onFailure(() => resolve(false));
      log.whenDurable(number, () => resolve(true));
    });
  }

  /** Commits a flush of everything the region has; resolves with the master's answer. */
  async flush(region: RegionId, changes: Partial<StoreCommit> = {}, number?: number) {
    const held = this.#regions.get(region);
    const sequence = (held?.sequence ?? 0) as Sequence;
    const answer = await this.call(ServerStatusService.method.commitStores, {
      incarnation: BigInt(this.incarnation),
      commits: [
        {
          regionId: BigInt(region),
          generation: BigInt(held?.generation ?? 0),
          number: BigInt(number ?? (held?.commits ?? 0) + 1),
          commit: storeCommitToMessage({
            added: [],
            removed: [],
            flushedSequence: sequence,
            nonces: [],
            replayedSlices: held?.slices ?? [],
            ...changes,
          }),
        },
      ],
    });
    if (held !== undefined) held.commits = Math.max(held.commits, number ?? held.commits + 1);
    return answer.answers[0];
  }

  /** Any call to the master that is in the election now. */
  async call<M extends Parameters<typeof callProto>[2]>(
    method: M,
    request: Parameters<typeof callProto<M>>[3],
  ) {
    const storage = this.#storage;
    if (storage === undefined) throw new Error('the server is not started');
    const master = await currentMaster(storage);
    const address = master?.addresses['rpc'];
    if (address === undefined) throw new Error('there is no master');
    return callProto(this.#rpc, address, method, request, { timeoutMs: 2_000 });
  }

  async #register(): Promise<void> {
    for (;;) {
      try {
        const answer = await this.call(ServerStatusService.method.register, {
          incarnation: BigInt(this.incarnation),
          host: this.node.name,
          port: this.#port,
          softwareVersion: 'test',
          process: processMessage(this.node.world.process.identity()),
          regionSetVersion: BigInt(this.#version),
          regions: [...this.#regions.values()].map(heldRegionToMessage),
          results: this.#pending(),
        });
        this.#epoch = Number(answer.epoch);
        return;
      } catch (error) {
        if (this.#isFencedBy(error)) return;
        await this.node.world.clock.sleep(100);
      }
    }
  }

  #isFencedBy(thrown: unknown): boolean {
    const error = asCadastreError(thrown);
    if (error.code !== 'stale-incarnation') return false;
    this.fenced = error;
    this.#regions.clear();
    return true;
  }

  #beatLater(): void {
    this.node.world.clock.timer(this.#options.heartbeatMs ?? 500, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    if (this.fenced !== undefined) return;
    try {
      const regions = [...this.#regions.values()];
      const answer = await this.call(ServerStatusService.method.heartbeat, {
        incarnation: BigInt(this.incarnation),
        epoch: BigInt(this.#epoch),
        regionSetVersion: BigInt(this.#version),
        digest: digestRegions(regions),
        ...(this.wantsRegions ? { regions: { regions: regions.map(heldRegionToMessage) } } : {}),
      });
      this.wantsRegions = answer.wantsRegions;
      for (const { regionId } of answer.close) this.forget(Number(regionId) as RegionId);
    } catch (error) {
      if (this.#isFencedBy(error)) return;
      await this.#register();
    }
    this.#beatLater();
  }

  /** Drops a region without a word, as a server with a fault would. */
  forget(region: RegionId): void {
    if (this.#regions.delete(region)) this.#version++;
  }

  /** Holds a region that the master did not give. */
  pretend(regionId: RegionId, generation: Generation): void {
    this.#version++;
    const edits = new Set<string>();
    this.#regions.set(regionId, {
      regionId,
      generation,
      isServing: true,
      sequence: 0,
      edits,
      commits: 0,
      slices: [],
    });
  }

  async #execute(received: Received): Promise<void> {
    const operation = decodeOperation({
      kind: Number(received.kind) as OperationKind,
      body: received.body,
    });
    this.operations.push(operation);
    const treatment = this.#options.treat?.(operation, this) ?? 'obey';
    if (treatment === 'ignore') return;
    if (typeof treatment === 'object') {
      if (operation.kind === 'open') {
        await this.#report(received, operation, TransitionKind.TRANSITION_FAILED_OPEN, {
          error: errorToMessage(treatment.fail),
        });
        return;
      }
      this.#receiver.finished(received.number, { kind: 'failed', error: treatment.fail });
      return;
    }
    await this.#obey(received, operation);
  }

  async #obey(received: Received, operation: RemoteOperation): Promise<void> {
    switch (operation.kind) {
      case 'open':
        await this.#open(received, operation);
        return;
      case 'close':
        await this.#flushForClose(operation.regionId);
        this.forget(operation.regionId);
        await this.#report(received, operation, TransitionKind.TRANSITION_CLOSED);
        return;
      case 'sort-log': {
        const body = await this.#sort(operation);
        this.#receiver.finished(received.number, { kind: 'executed', body });
        return;
      }
      case 'flush':
      case 'compact':
        this.#receiver.finished(received.number, { kind: 'executed', body: new Uint8Array(0) });
    }
  }

  /** A clean close leaves nothing to replay: what the region has goes into one file. */
  async #flushForClose(region: RegionId): Promise<void> {
    const held = this.#regions.get(region);
    if (held?.isServing !== true) return;
    held.isServing = false;
    if (held.edits.size === 0) return;
    const object = `data/00/${this.incarnation}-${++this.#objects}-hfile`;
    const bytes = Buffer.from(JSON.stringify([...held.edits]));
    await this.#storage?.objects.create(object, bytes);
    for (;;) {
      try {
        await this.flush(region, { added: [sampleFile(object, { bytes: bytes.length })] });
        return;
      } catch (error) {
        if (this.#isFencedBy(error)) return;
        await this.node.world.clock.sleep(100);
      }
    }
  }

  async #open(received: Received, operation: OpenRegion): Promise<void> {
    const { region, generation, openSequenceMin, slices } = operation;
    const edits = new Set<string>();
    let sequence = openSequenceMin as number;
    for (const { object } of operation.files) {
      const bytes = await this.#storage?.objects.get(object);
      for (const edit of JSON.parse(bytes?.toString() ?? '[]') as string[]) edits.add(edit);
    }
    for (const slice of slices) {
      const bytes = await this.#storage?.objects.get(slice.object, {
        start: slice.offset,
        end: slice.offset + slice.bytes,
      });
      const records = JSON.parse(bytes?.toString() ?? '[]') as { sequence: number; edit: string }[];
      for (const record of records) {
        if (record.sequence > slice.skipUpTo) edits.add(record.edit);
        sequence = Math.max(sequence, record.sequence);
      }
    }
    const held: HeldRegion = {
      regionId: region.regionId,
      generation,
      isServing: false,
      sequence: sequence + 1,
      edits,
      commits: 0,
      slices: slices.map(({ object }) => object),
    };
    this.#regions.set(region.regionId, held);
    this.#version++;
    const openSequence = BigInt(held.sequence);
    const isAccepted = await this.#report(received, operation, TransitionKind.TRANSITION_OPENED, {
      openSequence,
    });
    if (isAccepted === undefined || this.#regions.get(region.regionId) !== held) return;
    if (isAccepted) held.isServing = true;
    else this.forget(region.regionId);
  }

  /** Sends a report until it is answered; undefined once this server is fenced. */
  async #report(
    received: Received,
    operation: RemoteOperation,
    kind: TransitionKind,
    more: Partial<Pick<TransitionReport, 'openSequence'>> & { error?: object } = {},
  ): Promise<boolean | undefined> {
    const held =
      operation.kind === 'open' ? { ...operation, regionId: operation.region.regionId } : operation;
    if (!('regionId' in held)) return undefined;
    const report: SentReport = {
      regionId: BigInt(held.regionId),
      generation: BigInt(held.generation),
      kind,
      procedureId: BigInt(received.procedure),
      operationNumber: BigInt(received.number),
      ...more,
    };
    this.#receiver.finished(received.number, { kind: 'executed', body: new Uint8Array(0) });
    return this.sendReport(report);
  }

  async sendReport(report: SentReport): Promise<boolean | undefined> {
    for (;;) {
      try {
        const { answers } = await this.call(ServerStatusService.method.reportTransition, {
          incarnation: BigInt(this.incarnation),
          epoch: BigInt(this.#epoch),
          regionSetVersion: BigInt(this.#version),
          reports: [report],
        });
        const isAccepted = answers[0]?.accepted === true;
        this.#options.onAnswer?.(report, isAccepted);
        return isAccepted;
      } catch (error) {
        if (this.#isFencedBy(error)) return undefined;
        await this.node.world.clock.sleep(100);
      }
    }
  }

  async #sort(operation: SortLog): Promise<Uint8Array> {
    const { log, until, regions } = operation;
    const edits = new Map<RegionId, { sequence: number; edit: string }[]>();
    const skips = new Map(regions.map(({ regionId, skipUpTo }) => [regionId, skipUpTo]));
    const storage = this.#storage;
    if (storage === undefined) throw new Error('the server is not started');
    for await (const { payload } of storage.logs.read(log, { until })) {
      const record = JSON.parse(payload.toString()) as {
        region: RegionId;
        sequence: number;
        edit: string;
      };
      if (record.sequence <= (skips.get(record.region) ?? Infinity)) continue;
      edits.set(record.region, [...(edits.get(record.region) ?? []), record]);
    }
    if (edits.size === 0) {
      return encodeSortLogResult({ object: undefined, bytes: 0, crc32: 0, regions: [] });
    }
    let bytes = 0;
    const parts = [...edits]
      .sort(([a], [b]) => a - b)
      .map(([regionId, records]) => {
        const body = Buffer.from(JSON.stringify(records));
        const offset = bytes;
        bytes += body.length;
        const sequences = records.map(({ sequence }) => sequence as Sequence);
        return {
          body,
          regionId,
          offset,
          bytes: body.length,
          entries: records.length,
          sequenceMin: Math.min(...sequences) as Sequence,
          sequenceMax: Math.max(...sequences) as Sequence,
        };
      });
    const object = `data/00/${this.incarnation}-${++this.#objects}-sorted`;
    await storage.objects.create(object, Buffer.concat(parts.map(({ body }) => body)));
    return encodeSortLogResult({ object, bytes, crc32: 0, regions: parts });
  }

  #pending() {
    return this.#receiver.pending(100).map(({ number, procedure, outcome }) => ({
      number: BigInt(number),
      procedureId: BigInt(procedure),
      outcome:
        outcome.kind === 'executed'
          ? { case: 'result' as const, value: outcome.body }
          : { case: 'error' as const, value: errorToMessage(outcome.error) },
    }));
  }

  #reportLater(): void {
    this.node.world.clock.timer(20, () => void this.#reportResults());
  }

  async #reportResults(): Promise<void> {
    const results = this.#pending();
    if (results.length > 0 && !this.#isReporting && this.fenced === undefined) {
      this.#isReporting = true;
      try {
        const answer = await this.call(ServerStatusService.method.reportOperations, {
          incarnation: BigInt(this.incarnation),
          results,
        });
        this.#receiver.acknowledge(
          Number(answer.acknowledgedFloor),
          answer.acknowledged.map(Number),
        );
      } catch (error) {
        this.#isFencedBy(error);
      }
      this.#isReporting = false;
    }
    this.#reportLater();
  }
}

function processMessage({
  bootId,
  pidNamespace,
  pid,
  startTime,
}: ReturnType<SimNode['world']['process']['identity']>) {
  return { bootId, pidNamespace, pid: BigInt(pid), startTime };
}
