// The routes about the system as a whole: status, faults, quarantine, and the collector.

import { z } from 'zod';
import { explainObject } from '../master/collector/explain.js';
import type { CycleReport } from '../master/collector/collector.js';
import { collectorPauseMsDefault, collectorPauseMsMax, pageMax } from './limits.js';
import { route } from './route.js';
import type { Route } from './route.js';
import {
  collectorStatus,
  cycle,
  doneAnswer,
  faults,
  objectExplanation,
  quarantine,
  status,
} from './schemas.js';
import { errorJson, summary } from './views.js';

const stateRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/status',
    summary: 'The master at a glance.',
    answer: status,
    handle: ({ master, softwareVersion }) => {
      const running = master();
      const { catalog, engine } = running;
      const { host, port } = running.address;
      return {
        ...running.status(),
        softwareVersion,
        master: `${host.includes(':') ? `[${host}]` : host}:${port}`,
        faults: engine.faults().length,
        quarantinedRecords: catalog.quarantined.length,
        catalog: catalog.statistics,
      };
    },
  }),
  route({
    method: 'GET',
    path: '/api/faults',
    summary: 'Broken invariants that the auditor found.',
    answer: faults,
    handle: ({ master }) => ({ faults: master().engine.faults() }),
  }),
  route({
    method: 'GET',
    path: '/api/quarantine',
    summary: 'What could not be decoded: catalog records, and procedures.',
    answer: quarantine,
    handle: async ({ master }) => {
      const { catalog, engine } = master();
      const { procedures } = await engine.find({ phases: ['quarantined'], limit: pageMax });
      return {
        records: catalog.quarantined.slice(0, pageMax),
        recordCount: catalog.quarantined.length,
        procedures: procedures.map(summary),
      };
    },
  }),
];

const collectorRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/collector',
    summary: 'Whether the collector is paused, and what its last cycle did.',
    answer: collectorStatus,
    handle: ({ master }) => {
      const { isPaused, lastCycle } = master().collector;
      return { isPaused, lastCycle: lastCycle && cycleJson(lastCycle) };
    },
  }),
  route({
    method: 'POST',
    path: '/api/collector/pause',
    summary: 'Start no cycle for so long, after the one that runs.',
    body: z.strictObject({
      leaseMs: z.int().min(1).max(collectorPauseMsMax).default(collectorPauseMsDefault),
    }),
    answer: doneAnswer,
    handle: async ({ master }, { body }) => {
      await master().collector.pause(body.leaseMs);
      return { text: `the collector is paused for ${body.leaseMs} ms` };
    },
  }),
  route({
    method: 'POST',
    path: '/api/collector/resume',
    summary: 'End the pause of the collector.',
    answer: doneAnswer,
    handle: ({ master }) => {
      master().collector.resume();
      return { text: 'the collector goes on' };
    },
  }),
  route({
    method: 'POST',
    path: '/api/collector/run',
    summary: 'Run a cycle now, or join the one that runs, and wait for its end.',
    answer: cycle,
    handle: async ({ master }) => cycleJson(await master().collector.collect()),
  }),
  route({
    method: 'GET',
    path: '/api/collector/explain',
    summary: 'Say why an object is there, or not.',
    query: z.strictObject({ object: z.string().min(1) }),
    answer: objectExplanation,
    handle: ({ master, clock }, { query: { object } }) => {
      const { catalog, collector } = master();
      const horizon = collector.lastCycle?.horizon;
      const deletion = collector.deletionOf(object);
      return explainObject(object, { catalog, clock, horizon, deletion });
    },
  }),
];

export const systemRoutes: readonly Route[] = [...stateRoutes, ...collectorRoutes];

function cycleJson({ aborted, ...rest }: CycleReport) {
  return { ...rest, aborted: aborted && errorJson(aborted) };
}
