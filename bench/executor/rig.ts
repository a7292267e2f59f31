// The engine under measurement: the real one, durable on the real catalog over a local fenced log (as
// the master has it), or in memory on a store that syncs nothing.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Settings } from '../../src/base/settings.js';
import type { Epoch } from '../../src/base/ids.js';
import type { Catalog } from '../../src/catalog/api.js';
import { openCatalog } from '../../src/catalog/open.js';
import { procedureStore } from '../../src/master/procedure-store.js';
import type { ProcedureEngine } from '../../src/procedure/api.js';
import { createProcedureEngine } from '../../src/procedure/engine.js';
import type { EngineOptions } from '../../src/procedure/core.js';
import type { ProcedureType } from '../../src/procedure/definition.js';
import { remoteDefaults } from '../../src/procedure/remote.js';
import type { ProcedureStore } from '../../src/procedure/store.js';
import { NoStore } from './no-store.js';
import { openStorage } from '../../src/storage/root.js';
import { realWorld } from '../../src/world/real/world.js';

export interface Rig {
  readonly engine: ProcedureEngine<unknown>;
  close(): Promise<void>;
}

/** The world of a root, as the master's but for its log: warnings only, as HBase's tools are run. */
export function benchWorld(directory: string) {
  return realWorld({ directory, log: { level: 'warn' } });
}

/** Opens the catalog of a root as the master of `epoch` does. */
export async function openBenchCatalog(directory: string, epoch: number): Promise<Catalog> {
  const world = benchWorld(directory);
  const storage = await openStorage(world);
  return openCatalog({
    storage,
    clock: world.clock,
    process: world.process,
    log: world.log,
    clusterId: storage.clusterId,
    epoch: epoch as Epoch,
    checkpointLogBytes: Settings.defaults().get('cadastre.catalog.checkpoint.bytes'),
  });
}

/** Neither loaded nor started. */
export function benchEngine<Tx>(
  store: ProcedureStore<Tx>,
  types: readonly ProcedureType<unknown>[],
  directory: string,
): ProcedureEngine<Tx> {
  const { clock, random, log } = benchWorld(directory);
  const options: EngineOptions<undefined, Tx> = {
    store,
    context: undefined,
    types,
    clock,
    random,
    log,
    epoch: 1 as Epoch,
    send: () => Promise.reject(new Error('nothing is sent: the bench has no servers')),
    remote: remoteDefaults,
  };
  return createProcedureEngine(options);
}

/** A started engine on a new root below `parent`, which is removed at the end. */
export async function durableRig(
  types: readonly ProcedureType<unknown>[],
  parent: string,
): Promise<Rig> {
  const directory = temporaryRoot(parent);
  const catalog = await openBenchCatalog(directory, 1);
  const engine = benchEngine(procedureStore(catalog), types, directory);
  await engine.load();
  engine.start();
  return {
    engine,
    close: async () => {
      await engine.drain();
      await engine.stop();
      await catalog.close({ checkpoint: false });
      fs.rmSync(directory, { recursive: true });
    },
  };
}

/** A started engine whose rows go nowhere. */
export async function memoryRig(types: readonly ProcedureType<unknown>[]): Promise<Rig> {
  const engine = benchEngine(new NoStore(), types, os.tmpdir());
  await engine.load();
  engine.start();
  return {
    engine,
    close: async () => {
      await engine.drain();
      await engine.stop();
    },
  };
}

export function temporaryRoot(parent: string): string {
  return fs.mkdtempSync(path.join(parent, 'cadastre-bench-'));
}
