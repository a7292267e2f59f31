// Where to open a region: a pure function of the live servers and the region's past.
//
// The last server is kept while it lives (its cache and its files are warm); a server restarted on
// the same host and port counts as it. Otherwise the server with the fewest regions, the older one
// of equals, so that the same image always gives the same plan.

import type { Incarnation } from '../../base/ids.js';

export interface PlacementServer {
  readonly incarnation: Incarnation;
  /** `host:port`. */
  readonly address: string;
  /** Regions it holds or was given. */
  readonly regions: number;
}

export interface PlacementRequest {
  /** Where it was last open. */
  readonly lastServer: Incarnation | undefined;
  readonly lastAddress: string | undefined;
  /** A server asked for by name: used if it lives. */
  readonly wanted: Incarnation | undefined;
  /** Servers that just failed to open it: used only if there is no other. */
  readonly avoid: ReadonlySet<Incarnation>;
}

export interface Placement {
  readonly server: Incarnation;
  /** For the log and for `explain`. */
  readonly reason: 'wanted' | 'retained' | 'restarted' | 'fewest-regions';
}

/** The server for one region; undefined while there is none. */
export function choosePlacement(
  request: PlacementRequest,
  servers: readonly PlacementServer[],
): Placement | undefined {
  const { wanted, lastServer, lastAddress, avoid } = request;
  let retained: PlacementServer | undefined;
  let restarted: PlacementServer | undefined;
  let fewest: PlacementServer | undefined;
  let avoided: PlacementServer | undefined;
  for (const server of servers) {
    if (server.incarnation === wanted) return { server: wanted, reason: 'wanted' };
    if (avoid.has(server.incarnation)) {
      if (isLighter(server, avoided)) avoided = server;
      continue;
    }
    if (server.incarnation === lastServer) retained = server;
    else if (server.address === lastAddress) restarted = server;
    if (isLighter(server, fewest)) fewest = server;
  }
  if (retained !== undefined) return { server: retained.incarnation, reason: 'retained' };
  if (restarted !== undefined) return { server: restarted.incarnation, reason: 'restarted' };
  const chosen = fewest ?? avoided;
  return chosen && { server: chosen.incarnation, reason: 'fewest-regions' };
}

function isLighter(a: PlacementServer, b: PlacementServer | undefined): boolean {
  if (b === undefined || a.regions < b.regions) return true;
  return a.regions === b.regions && a.incarnation < b.incarnation;
}
