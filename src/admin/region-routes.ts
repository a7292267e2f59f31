// The route about regions in transition: since when, who may change each, and what has to happen next.

import { z } from 'zod';
import { CadastreError } from '../base/errors.js';
import type { RegionId } from '../base/ids.js';
import { Smallest } from '../base/smallest.js';
import { encodedRegionName, formatTableName } from '../base/table.js';
import type { RegionRecord } from '../catalog/records/regions.js';
import { regionKind } from '../catalog/records/regions.js';
import { serverKind } from '../catalog/records/servers.js';
import { tableKind } from '../catalog/records/tables.js';
import type { Master } from '../master/master.js';
import { lockRegion } from '../procedure/lock-request.js';
import { pageDefault, regionsPerTurn } from './limits.js';
import { pageLimit, route } from './route.js';
import type { AdminContext, Route } from './route.js';
import { transitPage } from './schemas.js';

/** A place in the order of the list. */
interface Place {
  readonly since: number;
  readonly region: RegionId;
}

export const regionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/rit',
    summary: 'List regions in transition, longest first, with owner and reason.',
    query: z.strictObject({ after: z.string().optional(), limit: pageLimit.optional() }),
    answer: transitPage,
    handle: async (context, { query }) => {
      const after = query.after === undefined ? undefined : parsePlace(query.after);
      const limit = query.limit ?? pageDefault;
      const { inTransition } = context.master();
      const places = await longest(context, after, limit + 1);
      const now = context.clock.now();
      const page = places.slice(0, limit);
      const last = page.at(-1);
      return {
        regions: page.flatMap(({ region }) => viewOf(context.master(), region, now)),
        total: inTransition.size,
        next: places.length > limit && last ? `${last.since}:${last.region}` : undefined,
      };
    },
  }),
];

function parsePlace(text: string): Place {
  const [since, region] = text.split(':').map(Number);
  if (Number.isSafeInteger(since) && Number.isSafeInteger(region)) {
    return { since: Number(since), region: Number(region) as RegionId };
  }
  throw new CadastreError('bad-request', `after=${text} is no place in the list`, {
    nextStep: 'Give `next` of the page before.',
  });
}

function comparePlaces(a: Place, b: Place): number {
  return a.since - b.since || a.region - b.region;
}

/** After the crash of everything all regions are in transition: they are looked at in turns (L9). */
async function longest(
  { clock, master }: AdminContext,
  after: Place | undefined,
  limit: number,
): Promise<readonly Place[]> {
  const current = master();
  const smallest = new Smallest<Place>(limit, comparePlaces);
  let looked = 0;
  for (const region of current.inTransition) {
    if (++looked % regionsPerTurn === 0) await clock.yield();
    const since = recordOf(current, region)?.sinceMs;
    if (since === undefined) continue;
    const place = { since, region };
    if (after === undefined || comparePlaces(place, after) > 0) smallest.add(place);
  }
  return smallest.values;
}

function recordOf({ catalog }: Master, region: RegionId): RegionRecord | undefined {
  const key = catalog.regionKey(region);
  return key && catalog.durable.get(regionKind, key);
}

function viewOf(master: Master, id: RegionId, now: number) {
  const region = recordOf(master, id);
  // It may have been dropped, or have arrived, while the page was looked up.
  if (region === undefined || !master.inTransition.has(id)) return [];
  const { catalog, engine } = master;
  const table = catalog.durable.get(tableKind, [region.tableId])?.descriptor.name;
  const { kind, name } = lockRegion(id);
  const owner = engine.exclusiveHolder(kind, name);
  const reason = owner === undefined ? undefined : engine.explain(owner).chain.at(-1)?.text;
  return [
    {
      region: id,
      name: table === undefined ? '' : encodedRegionName({ ...region, table }),
      table: table === undefined ? '' : formatTableName(table),
      state: region.state,
      server: serverText(master, region),
      since: region.sinceMs,
      ageMs: Math.max(0, now - region.sinceMs),
      owner,
      reason: reason ?? region.failure ?? 'no procedure has it: assign it, or enable its table',
    },
  ];
}

function serverText({ catalog }: Master, { server }: RegionRecord): string | undefined {
  if (server === undefined) return undefined;
  const record = catalog.durable.get(serverKind, [server]);
  return record === undefined ? `${server}` : `${record.host},${record.port},${server}`;
}
