// ServerCrash: everything that follows a server's death, from its sealed log to its last region open.
// It is submitted in the record that declares the incarnation crashed; from that record on nothing
// of it is accepted, so no region can come to it or leave it but here.
//
//   seal     seals the log: no append is acknowledged after it (L3); its end is written down
//   sort     lets a live server sort the log's range by region; not if no region needs it
//   sorted   notes the sorted log and each region's part of it
//   recover  in bounded batches: the regions' slices and ABNORMALLY_CLOSED, and a child that opens
//            each of them; the last batch also gives the log up
//   finish   when all are open (or have their reason not to be)
//
// What is to be replayed is decided by the sealed log, never by what a heartbeat said (race A19).
// A region with an owner is left to it: the owner is woken by `events.recovered` and by the end of
// its remote operations (races A1, A5). No lock but the server's own is taken.

import type { Incarnation, Sequence } from '../../base/ids.js';
import type { LogSlice } from '../../base/store-file.js';
import type { Transaction } from '../../catalog/api.js';
import { noteSeal, releaseSealedLog } from '../../catalog/log-needs.js';
import { abandonObject } from '../../catalog/references.js';
import { logKind, sortedLogKind } from '../../catalog/records/logs.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { serverKind } from '../../catalog/records/servers.js';
import { tableKind } from '../../catalog/records/tables.js';
import type { StepRun } from '../../procedure/definition.js';
import { lockServer } from '../../procedure/lock-request.js';
import type { ChildSpec, Next } from '../../procedure/next.js';
import { child, children, done, step, wait } from '../../procedure/next.js';
import type { LogPosition } from '../../storage/log.js';
import { decodeSortLogResult } from '../../wire/internal.js';
import { AssignRegion } from '../assignment/assign.js';
import { remoteRequest } from '../assignment/operations.js';
import { changeRegion, findRegion } from '../assignment/region-writes.js';
import { wantsOpen } from '../assignment/transit.js';
import { crashState, serverInput } from '../codecs.js';
import type { CrashState, ServerInput, SortedPart } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure, events, lookAgainMs } from '../context.js';
import { limits } from '../limits.js';

type Run = StepRun<ServerInput, CrashState, MasterContext>;
type Then = Next<'seal' | 'sort' | 'sorted' | 'recover' | 'finish', CrashState>;

/** Before a sort that failed is tried again. */
const sortPauseMs = 1_000;

export const ServerCrash = defineMasterProcedure({
  type: 'ServerCrash',
  version: 1,
  input: serverInput,
  state: crashState,
  initial: (): CrashState => ({ sorted: undefined, parts: [], avoid: [] }),
  // The slices and logs of a restored catalog still have to be replayed.
  onRestore: 'resume',
  priority: 'crash',
  locks: ({ server }) => [lockServer(server)],
  group: () => '',
  describe: ({ server }) => `server ${server}`,
  first: 'seal',
  steps: {},
  finalSteps: {
    seal: { before: sealLog, commit: noteEnd },
    sort: { commit: sort },
    sorted: { commit: takeSorted },
    recover: { commit: recover },
    finish: { commit: finish },
  },
});

async function sealLog({ context, input }: Run): Promise<LogPosition | undefined> {
  const need = context.catalog.tail.get(logKind, [input.server]);
  return need && context.logs.seal(need.log);
}

function noteEnd(run: Run, tx: Transaction, end: LogPosition | undefined): Then {
  if (end !== undefined) noteSeal(tx, run.input.server, end);
  run.log.info('sealed the log', { server: run.input.server, records: end?.sequence ?? 0 });
  return step('sort');
}

/** The crashed server's regions as the tail has them. */
function* regionsOf({ context, input }: Run, tx: Transaction): Generator<RegionRecord> {
  for (const id of context.image.ofServer(input.server)) {
    const region = findRegion(context.catalog, tx, id);
    if (region?.server === input.server) yield region;
  }
}

/** Only a region whose OPENED was acknowledged can have edits in the log. */
function mayHaveEdits(region: RegionRecord): boolean {
  return region.state === 'open' || region.state === 'closing';
}

function sort(run: Run, tx: Transaction): Then {
  const need = tx.get(logKind, [run.input.server]);
  const wanted = [...regionsOf(run, tx)].filter(mayHaveEdits);
  const isEmpty = need?.end === undefined || need.low.sequence >= need.end.sequence;
  if (isEmpty || need.end.sequence <= 1 || wanted.length === 0) {
    run.log.info('nothing to sort', { server: run.input.server, regions: wanted.length });
    return step('recover');
  }
  const worker = chooseWorker(run);
  if (worker === undefined) {
    run.log.info('waiting for a server to sort the log', { server: run.input.server });
    return wait({ event: events.serverJoined, timeoutMs: lookAgainMs }, 'sort');
  }
  run.log.info('dispatch sort', { log: need.log, server: worker, regions: wanted.length });
  const remote = remoteRequest(worker, {
    kind: 'sort-log',
    log: need.log,
    from: need.low,
    until: need.end,
    regions: wanted.map(({ regionId, flushedSequence }) => ({
      regionId,
      skipUpTo: flushedSequence,
    })),
  });
  const avoid = [...new Set([...run.state.avoid, worker])];
  return wait({ remote }, 'sorted', { ...run.state, avoid });
}

/** A live server that was not asked to sort it yet; any live one when all were. */
function chooseWorker({ context, input, state }: Run): Incarnation | undefined {
  const live = context.candidates().map(({ incarnation }) => incarnation);
  const fresh = live.filter((server) => !state.avoid.includes(server));
  const from = fresh.length > 0 ? fresh : live;
  // Several crashes at once are spread over the servers.
  return from[input.server % Math.max(1, from.length)];
}

function takeSorted(run: Run, tx: Transaction): Then {
  const { reply, state } = run;
  if (reply?.kind === 'remote-failed') {
    run.log.warn('sorting failed', { server: run.input.server, failure: reply.error.message });
    return wait({ timeoutMs: sortPauseMs }, 'sort');
  }
  // The sorter died, or the master restarted: sorting again gives the same edits (race W4).
  if (reply?.kind !== 'remote') return step('sort');
  const { object, bytes, crc32, regions } = decodeSortLogResult(reply.body);
  if (object === undefined) return step('recover');
  const need = tx.get(logKind, [run.input.server]);
  const skips = new Map([...regionsOf(run, tx)].map((r) => [r.regionId, r.flushedSequence]));
  const parts = regions
    .map(({ regionId, offset, bytes, entries, sequenceMax }): SortedPart => {
      const skipUpTo = skips.get(regionId) ?? (0 as Sequence);
      return { region: regionId, offset, bytes, entries, sequenceMax, skipUpTo };
    })
    // A dropped region's edits are dropped with it.
    .filter(({ region, entries }) => entries > 0 && skips.has(region));
  tx.put(sortedLogKind, [object], {
    bytes,
    crc32,
    birth: tx.revision,
    entries: parts.reduce((sum, part) => sum + part.entries, 0),
    sources: need === undefined ? [] : [need.log],
  });
  run.log.info('sorted', { object, bytes, regions: parts.length });
  return step('recover', { ...state, sorted: { object, bytes, crc32 }, parts });
}

function recover(run: Run, tx: Transaction): Then {
  const { context, state } = run;
  const parts = new Map(state.parts.map((part) => [part.region, part]));
  const specs: ChildSpec[] = [];
  let bytes = 0;
  let slices = 0;
  let isLast = true;
  for (const region of regionsOf(run, tx)) {
    const isOwned = context.owners.ownerOf(region.regionId) !== undefined;
    // Its open was never acknowledged: the owner opens it elsewhere by itself.
    if (region.state === 'opening' && isOwned) continue;
    if (specs.length >= limits.recoveredPerRecord || bytes >= limits.recoveredBytesPerRecord) {
      isLast = false;
      break;
    }
    const part = mayHaveEdits(region) ? parts.get(region.regionId) : undefined;
    const slice = part && state.sorted && sliceOf(part, state.sorted.object);
    const after = changeRegion(tx, region, { event: 'recovered', slice }, run.clock.now());
    bytes += estimateBytes(after);
    if (slice !== undefined) slices++;
    parts.delete(region.regionId);
    if (!isOwned && wantsOpen(tx, region.tableId)) {
      const table = tx.get(tableKind, [region.tableId])?.descriptor.name;
      if (table === undefined) continue;
      const input = { table, region: region.regionId, isRecovery: true, server: undefined };
      specs.push(child(AssignRegion, input));
    }
  }
  run.log.info('recovered regions', { server: run.input.server, assigned: specs.length });
  if (!isLast) {
    const rest = { ...state, parts: [...parts.values()] };
    return children(specs, 'recover', { atMost: limits.childrenWindow, state: rest });
  }
  giveUpLog(run, tx, slices > 0);
  return children(specs, 'finish', { state: { ...state, parts: [] } });
}

function sliceOf(part: SortedPart, object: string): LogSlice {
  const { region, offset, bytes, entries, skipUpTo, sequenceMax } = part;
  return {
    object,
    origin: region,
    offset,
    bytes,
    entries,
    skipUpTo,
    sequenceMax,
    clip: undefined,
  };
}

/** Roughly what a region's record takes in the log. */
function estimateBytes({ startKey, endKey, slices, nonces }: RegionRecord): number {
  return 256 + 2 * startKey.length + endKey.length + 128 * slices.length + 64 * nonces.length;
}

/** Every edit that matters is in slices now, so nothing needs the server's own log any more. */
function giveUpLog({ context, input, state }: Run, tx: Transaction, isUsedHere: boolean): void {
  releaseSealedLog(tx, input.server);
  const { sorted } = state;
  if (sorted === undefined || tx.get(sortedLogKind, [sorted.object]) === undefined) return;
  if (isUsedHere || context.catalog.references.count(sorted.object) > 0) return;
  tx.delete(sortedLogKind, [sorted.object]);
  abandonObject(tx, context.catalog.references, sorted.object, sorted.bytes);
}

function finish(run: Run, tx: Transaction): Then {
  forgetOldServers(tx);
  run.log.info('server recovered', { server: run.input.server });
  return done();
}

/** Dead servers are shown to operators; only the last ones are kept (L9). */
function forgetOldServers(tx: Transaction): void {
  const recovered = [...tx.scan(serverKind)].filter(
    ({ key, value }) => value.state === 'crashed' && tx.get(logKind, key) === undefined,
  );
  for (const { key } of recovered.slice(0, -limits.deadServersKept)) tx.delete(serverKind, key);
}
