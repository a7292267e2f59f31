// The services that the master's procedures use, and the function that declares them.

import type { LogStore } from '../storage/log.js';
import type { Settings } from '../base/settings.js';
import type { Incarnation, RegionId } from '../base/ids.js';
import type { Catalog, CatalogView, Committed, Transaction } from '../catalog/api.js';
import type { ServerRecord } from '../catalog/records/servers.js';
import { serverKind } from '../catalog/records/servers.js';
import { procedureDefiner } from '../procedure/definition.js';
import type { PlacementServer } from './assignment/placement.js';
import type { RegionImage } from './assignment/image.js';
import type { Acknowledgement } from './assignment/acknowledgement.js';
import type { RegionOwners } from './assignment/owners.js';

/** What steps are given. */
export interface MasterContext {
  readonly catalog: Catalog;
  readonly logs: LogStore;
  readonly settings: Settings;
  readonly image: RegionImage;
  readonly owners: RegionOwners;
  readonly acknowledgement: Acknowledgement;
  /** Servers that regions may be given to now. */
  readonly candidates: () => readonly PlacementServer[];
  /** Fences a server. Not from within a transaction; undefined if it is not online any more. */
  readonly declareCrashed: (server: Incarnation, reason: string) => Committed<unknown> | undefined;
}

/** Declares a procedure of the master. */
export const defineMasterProcedure = procedureDefiner<MasterContext, Transaction>();

/** The events that procedures wait for; each is signalled once what it tells of is durable. */
export const events = {
  /** A server can be given regions that could not before. */
  serverJoined: 'server-joined',
  /** The slices of a crashed server's region are in its record. */
  recovered: (region: RegionId): string => `recovered:${region}`,
} as const;

/**
 * A hint that was missed costs at most this: waits look again by themselves. Long, because no hint
 * is known to get lost.
 */
export const lookAgainMs = 15_000;

/** The record of a server that may act; undefined once it is declared crashed, or unknown. */
export function onlineServer(view: CatalogView, server: Incarnation): ServerRecord | undefined {
  const record = view.get(serverKind, [server]);
  return record?.state === 'online' ? record : undefined;
}

/** `host:port`, as clients and logs show a server. */
export function addressText(server: { readonly host: string; readonly port: number }): string {
  return `${server.host}:${server.port}`;
}
