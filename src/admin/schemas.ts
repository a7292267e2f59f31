// What the operator API answers, as zod schemas: routes are typed by them, the CLI parses answers with
// them, and the OpenAPI file is made of them.
//
// Invariant: what is registered here under a name is one entry of the file's `components/schemas`.

import { z } from 'zod';
import { priorities } from '../procedure/definition.js';
import { lockKinds } from '../procedure/lock-request.js';

/** The schemas that have a name in the OpenAPI file. */
export const namedSchemas = z.registry<{ readonly id: string }>();

const time = z.number().describe('Wall-clock milliseconds since 1970.');
const procedureId = z.int().nonnegative();
const texts = z.array(z.string()).readonly();
const lockMode = z.enum(['shared', 'exclusive']);

export const lockKind = z.enum(lockKinds);
export const priority = z.enum(priorities);
export const phase = z.enum([
  'forward',
  'rolling-back',
  'succeeded',
  'failed',
  'bypassed',
  'quarantined',
]);
export const reason = z.enum([
  'runnable',
  'place',
  'running',
  'storing',
  'lock',
  'back-off',
  'timer',
  'children',
  'event',
  'report',
  'remote',
  'paused',
  'quarantined',
]);

export const apiError = z
  .object({
    code: z.string().describe('The case, stable for programs.'),
    message: z.string().describe('What was wrong, with the values.'),
    nextStep: z.string().optional().describe('What to do about it.'),
  })
  .register(namedSchemas, { id: 'Error' });

export const procedureSummary = z
  .object({
    id: procedureId,
    parent: procedureId.optional(),
    type: z.string(),
    about: z.string().describe("The type's own line about its input."),
    owner: z.string().describe('Who asked for it.'),
    phase,
    reason: reason.optional().describe('Why it is not running now, or that it is.'),
    waitsFor: z.string().optional().describe('What exactly it waits for, in words.'),
    since: time.describe('When the present reason began.'),
    step: z.string(),
    attempt: z.int(),
    nextRetryAt: time.optional(),
    isOverdue: z.boolean(),
    isPaused: z.boolean(),
    isPastPointOfNoReturn: z.boolean(),
    priority,
    error: apiError.optional(),
    locks: z.array(z.object({ kind: lockKind, name: z.string(), mode: lockMode })).readonly(),
    holdsLocks: z.boolean(),
    childrenStarted: z.int(),
    childrenLive: z.int(),
    submittedAt: time,
    endedAt: time.optional(),
  })
  .register(namedSchemas, { id: 'ProcedureSummary' });

export const procedure = procedureSummary
  .extend({
    history: z
      .array(z.object({ step: z.string(), isUndo: z.boolean(), startedAt: time, endedAt: time }))
      .readonly()
      .describe('The last 32 steps.'),
  })
  .register(namedSchemas, { id: 'Procedure' });

export const procedurePage = z
  .object({
    procedures: z.array(procedureSummary).readonly(),
    next: procedureId.optional().describe('Give it as `after` for the next page.'),
  })
  .register(namedSchemas, { id: 'ProcedurePage' });

export interface TreeJson {
  readonly procedure: z.output<typeof procedureSummary>;
  readonly children: readonly TreeJson[];
  readonly omitted: number;
}

export const procedureTree: z.ZodType<TreeJson, TreeJson> = z
  .object({
    procedure: procedureSummary,
    get children(): z.ZodType<readonly TreeJson[], readonly TreeJson[]> {
      return z.array(procedureTree).readonly();
    },
    omitted: z.int().describe('Children that did not fit the limit.'),
  })
  .register(namedSchemas, { id: 'ProcedureTree' });

export const explanation = z
  .object({
    chain: z
      .array(z.object({ id: procedureId, text: z.string() }))
      .readonly()
      .describe('From the procedure asked about to the one that everything waits for.'),
    advice: texts.describe('What an operator can do about it.'),
  })
  .register(namedSchemas, { id: 'Explanation' });

export const waitAnswer = z
  .object({
    id: procedureId,
    outcome: z
      .enum(['unfinished', 'succeeded', 'failed', 'bypassed'])
      .describe('`unfinished`: the time was over first; ask again.'),
    error: apiError.optional(),
  })
  .register(namedSchemas, { id: 'WaitAnswer' });

export const doneAnswer = z
  .object({ text: z.string().describe('What was done, in words.') })
  .register(namedSchemas, { id: 'Done' });

export const bypassPlan = z
  .object({
    id: procedureId,
    text: texts.describe('What would be skipped, and which locks would be released.'),
    needsRecursive: z.boolean(),
    needsOverride: z.boolean(),
    isPossible: z.boolean(),
  })
  .register(namedSchemas, { id: 'BypassPlan' });

export const procedureExport = z
  .object({
    exportedAt: time,
    softwareVersion: z.string(),
    clusterId: z.string(),
    epoch: z.int(),
    explanation: explanation.optional().describe('Of the procedure asked about, if unfinished.'),
    tree: procedureTree,
    procedures: z.array(procedure).readonly().describe('The same, each with its history.'),
    rows: z
      .array(z.object({ id: procedureId, base64: z.string() }))
      .readonly()
      .describe('What is stored of them, inputs included: look before you give it away.'),
    rowsOmitted: z.int().describe('Rows that did not fit.'),
  })
  .register(namedSchemas, { id: 'ProcedureExport' });

export const lockView = z
  .object({
    kind: lockKind,
    name: z.string(),
    mode: z.enum(['shared', 'exclusive', 'free']),
    holders: z.array(procedureId).readonly().describe('At most 100.'),
    holderCount: z.int(),
    waiters: z
      .array(z.object({ id: procedureId, mode: lockMode }))
      .readonly()
      .describe('In the order they will get it, at most 100.'),
    waiterCount: z.int().describe('Counted up to 10,000.'),
  })
  .register(namedSchemas, { id: 'Lock' });

const nextLock = z.string().optional().describe('Give it as `after` for the next page.');

export const lockPage = z
  .object({ locks: z.array(lockView).readonly(), next: nextLock })
  .register(namedSchemas, { id: 'LockPage' });

export const lockGraph = z
  .object({
    edges: z
      .array(
        z.object({
          waiter: procedureId,
          waitsFor: procedureId,
          kind: lockKind,
          name: z.string(),
          mode: lockMode.describe('In which the waiter wants it.'),
          isHolder: z.boolean().describe('False: it only stands in front of the waiter.'),
        }),
      )
      .readonly(),
    procedures: z
      .array(procedureSummary)
      .readonly()
      .describe('Those that the edges name, as far as they are there still.'),
    next: nextLock,
  })
  .register(namedSchemas, { id: 'LockGraph' });

export const transitPage = z
  .object({
    regions: z
      .array(
        z.object({
          region: z.int(),
          name: z.string().describe('As clients know it, bytes that are not text written \\xNN.'),
          table: z.string(),
          state: z.string(),
          server: z.string().optional(),
          since: time,
          ageMs: z.number(),
          owner: procedureId.optional().describe('The procedure that may change it now.'),
          reason: z.string().describe('What has to happen next, or why nothing will.'),
        }),
      )
      .readonly()
      .describe('Longest in transition first.'),
    total: z.int(),
    next: z.string().optional().describe('Give it as `after` for the next page.'),
  })
  .register(namedSchemas, { id: 'RegionsInTransition' });

export const status = z
  .object({
    clusterId: z.string(),
    softwareVersion: z.string(),
    epoch: z.int(),
    master: z.string().describe('host:port of its RPC.'),
    liveServers: z.int(),
    regionsInTransition: z.int(),
    isSettled: z
      .boolean()
      .describe('The wait for servers is over; what was left closed is being opened.'),
    faults: z.int(),
    quarantinedRecords: z.int(),
    catalog: z.object({
      records: z.int(),
      durableRevision: z.int(),
      checkpointRevision: z.int(),
      checkpointRunning: z.boolean(),
      replayBytes: z.int(),
    }),
  })
  .register(namedSchemas, { id: 'Status' });

export const faults = z
  .object({ faults: texts.describe('Broken invariants that the auditor found, newest last.') })
  .register(namedSchemas, { id: 'Faults' });

export const quarantine = z
  .object({
    records: z
      .array(
        z.object({
          key: z.string(),
          type: z.int(),
          version: z.int(),
          bytes: z.int(),
          reason: z.string(),
        }),
      )
      .readonly()
      .describe('Records of the catalog, at most 1,000.'),
    recordCount: z.int(),
    procedures: z.array(procedureSummary).readonly().describe('At most 1,000.'),
  })
  .register(namedSchemas, { id: 'Quarantine' });

export const cycle = z
  .object({
    cycle: z.int(),
    horizon: z
      .object({ revision: z.int(), holder: z.string() })
      .optional()
      .describe('The oldest revision that anyone may still read, and who.'),
    objectsDeleted: z.int(),
    bytesDeleted: z.int(),
    logsReleased: z.int(),
    held: z.int().describe('Candidates that the horizon still holds.'),
    aborted: apiError.optional().describe('Why it ended early, deleting nothing more.'),
  })
  .register(namedSchemas, { id: 'CollectorCycle' });

export const collectorStatus = z
  .object({ isPaused: z.boolean(), lastCycle: cycle.optional() })
  .register(namedSchemas, { id: 'CollectorStatus' });

export const objectExplanation = z
  .object({
    object: z.string(),
    text: z.string(),
    referredToBy: texts,
    candidate: z
      .object({ birth: z.int(), death: z.int(), state: z.enum(['waiting', 'deleting']) })
      .optional(),
    deletion: z.object({ cycle: z.int(), atMs: time, death: z.int() }).optional(),
  })
  .register(namedSchemas, { id: 'ObjectExplanation' });
