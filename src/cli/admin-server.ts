// The operator API of the master in this process, on the loopback: listened on before the master takes
// the root over, because its address is told in the election.

import { adminHandler } from '../admin/handler.js';
import { bodyBytesMax } from '../admin/limits.js';
import { CadastreError } from '../base/errors.js';
import type { Master } from '../master/master.js';
import type { Address } from '../world/network.js';
import { serveHttp } from '../world/real/http.js';
import type { World } from '../world/world.js';
import { openToken } from './admin-token.js';
import { readVersion } from './version.js';

export interface AdminServer {
  readonly address: Address;
  /** From now on it speaks for this master; before, callers are told to hold. */
  serve(master: Master): void;
  close(): Promise<void>;
}

/** Never any other address: requests are not encrypted. */
const loopback = '127.0.0.1';

/** The root is one already. Throws `port-taken`, or what {@link openToken} throws. */
export async function openAdminServer(
  { root, adminPort }: { readonly root: string; readonly adminPort?: number | undefined },
  { clock, log }: Pick<World, 'clock' | 'log'>,
): Promise<AdminServer> {
  let master: Master | undefined;
  const handler = adminHandler({
    token: await openToken(root),
    master: () => {
      if (master !== undefined) return master;
      throw new CadastreError('please-hold', 'the master is starting', {
        nextStep: 'Try again in a moment.',
      });
    },
    clock,
    log,
    softwareVersion: readVersion(),
  });
  const address = { host: loopback, port: adminPort ?? 0 };
  const listener = await serveHttp(address, handler, { bodyBytesMax });
  return {
    address: listener.address,
    serve: (running) => {
      master = running;
    },
    close: () => listener.close(),
  };
}
