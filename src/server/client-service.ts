// HBase's ClientService on this server's regions: Get, Mutate, Multi, Scan.
//
// Invariants:
// 1. A write is answered after its log record is durable (the region calls back then); a read is
//    answered in the turn it was evaluated, and the RPC server lets answers out only while the log is
//    unsealed (L3).
// 2. A single get or mutation makes no promise unless a block must be read: this is the hot path.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Settings } from '../base/settings.js';
import type { Region } from '../region/api.js';
import type { SpaceWatch } from '../storage/space.js';
import type { Clock } from '../world/clock.js';
import type { GetRequest, RegionSpecifier } from '../wire/client-messages.js';
import {
  decodeGetRequest,
  decodeMultiRequest,
  decodeMutateRequest,
  decodeScanRequest,
} from '../wire/request-decoder.js';
import { replyGet, replyMulti, replyMutate, replyScan } from '../wire/response-encoder.js';
import type { RpcCall, RpcMethod, RpcService } from '../wire/rpc-call.js';
import { CellCollector } from './cell-collector.js';
import type { HostedRegions } from './hosted-regions.js';
import { runMulti } from './multi.js';
import type { Scanners } from './scanners.js';

export interface ClientServiceOptions {
  readonly regions: HostedRegions;
  readonly scanners: Scanners;
  readonly clock: Clock;
  readonly settings: Settings;
  /** Undefined where space has no end. */
  readonly space: Pick<SpaceWatch, 'level'> | undefined;
}

export function clientService(options: ClientServiceOptions): RpcService {
  const { regions } = options;
  const methods = new Map<string, RpcMethod>([
    ['Get', (call) => get(regions, call)],
    ['Mutate', (call) => mutate(options, call)],
    ['Multi', (call) => multi(options, call)],
    ['Scan', (call) => scan(options, call)],
    ['ExecService', refuseCoprocessor],
    ['ExecRegionServerService', refuseCoprocessor],
    ['BulkLoadHFile', refuseBulkLoad],
    ['PrepareBulkLoad', refuseBulkLoad],
    ['CleanupBulkLoad', refuseBulkLoad],
  ]);
  return { name: 'ClientService', methods };
}

/** The name under which {@link HostedRegions} knows the region. */
export function regionKey({ value }: RegionSpecifier): string {
  return value.toString('latin1');
}

function get(regions: HostedRegions, call: RpcCall): void {
  const request = decodeGetRequest(call.parameter);
  withRegion(regions, call, request.region, (region) => runGet(region, request, call));
}

function runGet(region: Region, { get: asked }: GetRequest, call: RpcCall): void {
  const sink = new CellCollector();
  const pending = region.get(asked, sink);
  const answer = (): void => {
    const { cells } = sink;
    if (asked.existenceOnly) replyGet(call, { cells: [], exists: cells.length > 0 });
    else replyGet(call, { cells });
  };
  if (pending === undefined) answer();
  else pending.then(answer, (error: unknown) => call.fail(error));
}

function mutate(options: ClientServiceOptions, call: RpcCall): void {
  refuseWhenFull(options);
  const {
    region: specifier,
    mutation,
    condition,
  } = decodeMutateRequest(call.parameter, call.cellBlock);
  const hasResult = mutation.kind === 'increment' || mutation.kind === 'append';
  withRegion(options.regions, call, specifier, (region) => {
    region.mutate(mutation, condition, (error, result) => {
      if (result === undefined) call.fail(error);
      else if (hasResult && result.processed) {
        const { processed, cells } = result;
        replyMutate(call, {
          result: { cells },
          ...(condition === undefined ? {} : { processed }),
        });
      } else replyMutate(call, { processed: result.processed });
    });
  });
}

function multi(options: ClientServiceOptions, call: RpcCall): void {
  const request = decodeMultiRequest(call.parameter, call.cellBlock);
  const isWriting = request.regions.some(({ actions }) => actions.some(isMutation));
  if (isWriting) refuseWhenFull(options);
  runMulti(options.regions, request, (response) => replyMulti(call, response));
}

function isMutation({ kind }: { readonly kind: string }): boolean {
  return kind === 'mutation';
}

/** Page 1, "Full disk": user writes are refused while space for the catalog's own is left. */
function refuseWhenFull({ space }: ClientServiceOptions): void {
  if (space === undefined || space.level === 'ok' || space.level === 'refuse-snapshots') return;
  throw new CadastreError('disk-full', 'the disk under this server is nearly full', {
    nextStep: 'Free space, or drop tables that are not needed; writes then go on by themselves.',
  });
}

function scan(options: ClientServiceOptions, call: RpcCall): void {
  const { regions, scanners } = options;
  const request = decodeScanRequest(call.parameter);
  const from = { codec: call.connection.codec, deadlineMs: scanDeadline(options, call) };
  const { open } = request;
  if (open === undefined) {
    answerScan(call, scanners.go(request, from));
    return;
  }
  withRegion(regions, call, open.region, (region) => {
    answerScan(call, scanners.open(region, open, request, from));
  });
}

function answerScan(call: RpcCall, outcome: ReturnType<Scanners['go']>): void {
  if (!(outcome instanceof Promise)) replyScan(call, outcome);
  else {
    outcome.then(
      (response) => replyScan(call, response),
      (error: unknown) => call.fail(error),
    );
  }
}

/** A heartbeat goes out when half of the client's patience, or of the lease, is used up. */
function scanDeadline({ clock, settings }: ClientServiceOptions, call: RpcCall): number {
  const lease = settings.get('hbase.client.scanner.timeout.period');
  const patience = Math.min(lease, call.header.timeoutMs || lease);
  return clock.monotonic() + patience / 2;
}

/** Runs `run` with the region, perhaps a little later; what it throws is the answer. */
function withRegion(
  regions: HostedRegions,
  call: RpcCall,
  specifier: RegionSpecifier,
  run: (region: Region) => void,
): void {
  regions.whenServing(
    regionKey(specifier),
    (region) => {
      try {
        run(region);
      } catch (error) {
        if (call.isAnswered) throw error;
        call.fail(asCadastreError(error));
      }
    },
    (error) => call.fail(error),
  );
}

const refuseCoprocessor: RpcMethod = () => {
  throw new CadastreError('not-supported', 'coprocessors are not supported', {
    nextStep: 'Do this work in the client.',
  });
};

const refuseBulkLoad: RpcMethod = () => {
  throw new CadastreError('not-supported', 'bulk load is not supported', {
    nextStep: 'Write the rows with batched puts, or use "cadastre import".',
  });
};
