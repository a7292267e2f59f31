// Region servers, one record for each incarnation.

import type { Incarnation } from '../../base/ids.js';
import type { ProcessIdentity } from '../../world/process.js';
import { NameCodec, fromWide, messageCodec, toWide } from '../codec.js';
import { ServerSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

/** `crashed`: nothing of this incarnation is accepted any more (page 4). */
export type ServerState = 'online' | 'stopping' | 'stopped' | 'crashed';

export interface ServerRecord {
  readonly host: string;
  readonly port: number;
  /** Of the software. */
  readonly version: string;
  readonly state: ServerState;
  readonly process: ProcessIdentity;
  /** The name of its write-ahead log. */
  readonly log: string;
  /** Wall-clock milliseconds. */
  readonly registeredAtMs: number;
}

const states = new NameCodec<ServerState>('server state', [
  'online',
  'stopping',
  'stopped',
  'crashed',
]);

/** server/<incarnation> */
export const serverKind = defineKind<readonly [server: Incarnation], ServerRecord>({
  name: 'server',
  type: 7,
  shape: ['number'],
  // A restored catalog has no live server (page 6).
  onRestore: 'clear',
  temperature: 'hot',
  ...messageCodec(
    ServerSchema,
    ({ process, ...server }: ServerRecord) => ({
      host: server.host,
      port: server.port,
      version: server.version,
      state: states.encode(server.state),
      log: server.log,
      registeredAtMs: toWide(server.registeredAtMs, "a server's registration time"),
      ...process,
    }),
    (message) => ({
      host: message.host,
      port: message.port,
      version: message.version,
      state: states.decode(message.state),
      process: {
        bootId: message.bootId,
        pidNamespace: message.pidNamespace,
        pid: message.pid,
        startTime: message.startTime,
      },
      log: message.log,
      registeredAtMs: fromWide(message.registeredAtMs, "a server's registration time"),
    }),
  ),
});
