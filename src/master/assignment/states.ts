// The states of a region and what each event does to them: the table that page 4 asks for, in code.
//
// Invariants:
// 1. Every (state, event) pair has a cell; a cell that changes nothing says why.
// 2. A region that a live server may be serving (open, closing) is never assigned: its generation
//    rises only after CLOSED or after its server's log is sealed (race A22).
// Reports are matched by server and generation before this table is asked (`reports.ts`).

import type { RegionState } from '../../catalog/records/regions.js';

/** The states this table knows; the catalog's other ones (of splits and merges) take no event. */
export const assignableStates = [
  'offline',
  'opening',
  'open',
  'closing',
  'closed',
  'failed-open',
  'abnormally-closed',
] as const satisfies readonly RegionState[];
type AssignableState = (typeof assignableStates)[number];

/** What can happen to a region. */
export const regionEvents = [
  /** The owner chose a server: generation + 1, then the open is dispatched. */
  'assign',
  /** OPENED from the server and generation of the record. */
  'opened',
  /** FAILED_OPEN from the server and generation of the record. */
  'open-failed',
  /** The owner has used up its attempts. */
  'give-up',
  /** The owner asks the server to close. */
  'unassign',
  /** CLOSED from the server and generation of the record. */
  'closed',
  /** The log of its crashed server is sealed and sorted, and its slices are in the record. */
  'recovered',
  /** The owner wants it closed and no live server can have it open. */
  'retire',
] as const;
export type RegionEvent = (typeof regionEvents)[number];

export type Outcome =
  /** Go to that state. */
  | { readonly kind: 'go'; readonly to: AssignableState }
  /** It has happened already: acknowledge again, change nothing (race A17). */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'refuse'; readonly reason: string };

const go = (to: AssignableState): Outcome => ({ kind: 'go', to });
const repeat: Outcome = { kind: 'repeat' };
const refuse = (reason: string): Outcome => ({ kind: 'refuse', reason });

const served = refuse('a live server may hold unflushed edits: close it or seal its log first');
const notOpening = refuse('no open of this generation is under way');
const notClosing = refuse('nobody asked for the close: the edits are in the log of a live server');
const noHolder = refuse('no server holds it');
const mayBeHeld = refuse('a live server may have it open: it must be closed');

/** What each event does in each state. Printed into docs/protocols/assignment.md. */
export const regionTransitions: Readonly<
  Record<AssignableState, Readonly<Record<RegionEvent, Outcome>>>
> = {
  offline: {
    assign: go('opening'),
    opened: notOpening,
    'open-failed': repeat,
    'give-up': go('failed-open'),
    unassign: noHolder,
    closed: notClosing,
    recovered: noHolder,
    retire: go('closed'),
  },
  opening: {
    // A redirected open: whoever has it open is not acknowledged, so it cannot serve.
    assign: go('opening'),
    opened: go('open'),
    'open-failed': go('offline'),
    'give-up': go('failed-open'),
    unassign: go('closing'),
    closed: refuse('it is being opened: only OPENED or FAILED_OPEN answer that'),
    recovered: go('abnormally-closed'),
    retire: mayBeHeld,
  },
  open: {
    assign: served,
    opened: repeat,
    'open-failed': refuse('its OPENED was acknowledged'),
    'give-up': served,
    unassign: go('closing'),
    closed: notClosing,
    recovered: go('abnormally-closed'),
    retire: mayBeHeld,
  },
  closing: {
    assign: served,
    // A server that sends OPENED is not serving: it is told to close quietly, which is what is wanted.
    opened: refuse('it is being closed'),
    'open-failed': refuse('it is being closed'),
    'give-up': served,
    unassign: go('closing'),
    closed: go('closed'),
    recovered: go('abnormally-closed'),
    retire: mayBeHeld,
  },
  closed: {
    assign: go('opening'),
    opened: notOpening,
    'open-failed': notOpening,
    'give-up': noHolder,
    unassign: repeat,
    closed: repeat,
    recovered: noHolder,
    retire: repeat,
  },
  'failed-open': {
    assign: go('opening'),
    opened: notOpening,
    'open-failed': repeat,
    'give-up': repeat,
    unassign: noHolder,
    closed: notClosing,
    recovered: noHolder,
    retire: go('closed'),
  },
  'abnormally-closed': {
    assign: go('opening'),
    opened: notOpening,
    'open-failed': notOpening,
    'give-up': go('failed-open'),
    unassign: noHolder,
    closed: notClosing,
    recovered: repeat,
    // What is not replayed yet stays in the record's slices until it is opened again.
    retire: go('closed'),
  },
};

/** What `event` does to a region in `state`; states of splits and merges take none. */
export function outcomeOf(state: RegionState, event: RegionEvent): Outcome {
  if (isAssignable(state)) return regionTransitions[state][event];
  return refuse(`a region in state ${state} is not assigned or closed any more`);
}

function isAssignable(state: RegionState): state is AssignableState {
  return Object.hasOwn(regionTransitions, state);
}
