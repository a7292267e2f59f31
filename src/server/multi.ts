// Batches: many actions on many regions of this server, answered together.
//
// Invariants:
// 1. Every region action gets one answer, in the request's order; one that fails leaves the others.
// 2. Gets of a region action see none of its mutations: HBase answers them first too.
// 3. The answer goes out when the last part has its outcome, the durable ones included.

import type { Cell } from '../base/cell.js';
import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Mutation } from '../base/operations.js';
import type { MutateOutcome, Region } from '../region/api.js';
import type {
  ActionOutcome,
  MultiRequest,
  MultiResponse,
  RegionAction,
  RegionActionResult,
} from '../wire/client-messages.js';
import { CellCollector } from './cell-collector.js';
import type { HostedRegions } from './hosted-regions.js';

/** Runs all region actions and calls `done` once. */
export function runMulti(
  regions: HostedRegions,
  request: MultiRequest,
  done: (response: MultiResponse) => void,
): void {
  const results: RegionActionResult[] = [];
  let left = request.regions.length;
  const finished = (index: number, result: RegionActionResult): void => {
    results[index] = result;
    left -= 1;
    if (left === 0) done(responseOf(request, results));
  };
  if (left === 0) {
    done({ regions: [] });
    return;
  }
  request.regions.forEach((action, index) => {
    const fail = (error: unknown): void =>
      finished(index, { kind: 'error', error: asCadastreError(error) });
    regions.whenServing(
      action.region.value.toString('latin1'),
      (region) => {
        try {
          const run = action.isAtomic || action.condition !== undefined ? runAtomic : runEach;
          run(region, action, (result) => finished(index, result));
        } catch (error) {
          fail(error);
        }
      },
      fail,
    );
  });
}

type Finished = (result: RegionActionResult) => void;

/** All of it or nothing, if the condition holds. */
function runAtomic(region: Region, action: RegionAction, finished: Finished): void {
  const mutations: Mutation[] = [];
  for (const each of action.actions) {
    if (each.kind === 'refused') throw each.error;
    if (each.kind === 'get') {
      throw new CadastreError('bad-request', 'an atomic batch holds mutations only', {
        nextStep: 'Send the gets in a request of their own.',
      });
    }
    mutations.push(each.mutation);
  }
  region.mutate(mutations, action.condition, (error, result) => {
    if (result === undefined) {
      finished({ kind: 'error', error: asCadastreError(error) });
      return;
    }
    finished({
      kind: 'outcomes',
      processed: result.processed,
      outcomes: action.actions.map(({ index }, place) =>
        atomicOutcome(action, index, place === 0 ? result.cells : []),
      ),
    });
  });
}

/** The cells of all increments and appends stand in the first action's answer. */
function atomicOutcome(action: RegionAction, index: number, cells: readonly Cell[]): ActionOutcome {
  if (cells.length > 0) {
    return { kind: 'done', index, result: { cells }, isInline: action.actions.length > 1 };
  }
  return { kind: 'done', index, ...(action.condition === undefined ? { result: 'empty' } : {}) };
}

/** Each action by itself. */
function runEach(region: Region, action: RegionAction, finished: Finished): void {
  const outcomes: ActionOutcome[] = [];
  let left = action.actions.length;
  const add = (outcome: ActionOutcome): void => {
    outcomes.push(outcome);
    left -= 1;
    if (left === 0) finished({ kind: 'outcomes', outcomes });
  };
  if (left === 0) finished({ kind: 'outcomes', outcomes });
  const mutations: Mutation[] = [];
  const indexes: number[] = [];
  for (const each of action.actions) {
    if (each.kind === 'refused') add({ kind: 'error', index: each.index, error: each.error });
    else if (each.kind === 'get') runGet(region, each, add);
    else {
      mutations.push(each.mutation);
      indexes.push(each.index);
    }
  }
  if (mutations.length === 0) return;
  region.mutateMany(mutations, (results) => {
    results.forEach((result, place) => {
      add(mutationOutcome(indexes[place] ?? 0, mutations[place]?.kind ?? 'put', result));
    });
  });
}

function mutationOutcome(
  index: number,
  kind: Mutation['kind'],
  outcome: MutateOutcome,
): ActionOutcome {
  if (outcome instanceof CadastreError) return { kind: 'error', index, error: outcome };
  const hasCells = kind === 'increment' || kind === 'append';
  return { kind: 'done', index, result: hasCells ? { cells: outcome.cells } : 'empty' };
}

function runGet(
  region: Region,
  action: Extract<RegionAction['actions'][number], { readonly kind: 'get' }>,
  add: (outcome: ActionOutcome) => void,
): void {
  const { index, get } = action;
  const fail = (error: unknown): void =>
    add({ kind: 'error', index, error: asCadastreError(error) });
  const sink = new CellCollector();
  const answer = (): void => {
    const { cells } = sink;
    const result = get.existenceOnly ? { cells: [], exists: cells.length > 0 } : { cells };
    add({ kind: 'done', index, result });
  };
  try {
    const pending = region.get(get, sink);
    if (pending === undefined) answer();
    else pending.then(answer, fail);
  } catch (error) {
    fail(error);
  }
}

function responseOf(request: MultiRequest, regions: readonly RegionActionResult[]): MultiResponse {
  const [first] = regions;
  const isOneAtomic =
    request.regions.length === 1 &&
    request.regions[0]?.isAtomic === true &&
    (request.regions[0].condition === undefined || request.hasRequestCondition);
  if (!isOneAtomic || first?.kind !== 'outcomes' || first.processed === undefined) {
    return { regions };
  }
  return { regions, processed: first.processed };
}
