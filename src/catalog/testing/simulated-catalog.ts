// A catalog on a simulated machine, for tests: opened by one master after another, each a node that
// can be killed, on a drive that can lose what was not synced.

import type { Epoch } from '../../base/ids.js';
import { openStorage } from '../../storage/root.js';
import type { RootedStorage } from '../../storage/root.js';
import type { SimNode } from '../../world/simulated/node.js';
import { Simulation } from '../../world/simulated/simulation.js';
import type { Catalog } from '../api.js';
import { openCatalog } from '../open.js';

/** One master's reign. */
export interface Reign {
  readonly node: SimNode;
  readonly storage: RootedStorage;
  readonly catalog: Catalog;
}

export interface ReignOptions {
  readonly checkpointLogBytes?: number;
  /** Default: the next one. */
  readonly epoch?: number;
  readonly root?: 'local' | 'objects';
}

export class SimulatedCatalog {
  readonly simulation: Simulation;
  readonly #nodes: SimNode[] = [];
  #epoch = 0;

  constructor(seed: number | string = 1) {
    this.simulation = new Simulation(seed);
  }

  /** Starts a new master process and opens the catalog in it. */
  async open(options: ReignOptions = {}): Promise<Reign> {
    const starting = this.start(options);
    return this.run(starting.reign);
  }

  /** As `open`, for a test that drives the opening itself. */
  start(options: ReignOptions = {}): { readonly node: SimNode; readonly reign: Promise<Reign> } {
    const epoch = options.epoch ?? this.#epoch + 1;
    this.#epoch = Math.max(this.#epoch, epoch);
    const node = this.simulation.node(`master-${epoch}`, { root: options.root ?? 'local' });
    this.#nodes.push(node);
    return { node, reign: openReign(node, epoch as Epoch, options) };
  }

  /** `kill -9` of every master there was. */
  killAll(): void {
    for (const node of this.#nodes) node.kill();
  }

  run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    return this.simulation.run(work);
  }
}

async function openReign(node: SimNode, epoch: Epoch, options: ReignOptions): Promise<Reign> {
  const { world } = node;
  const storage = await openStorage(world);
  const catalog = await openCatalog({
    storage,
    clock: world.clock,
    process: world.process,
    log: world.log,
    clusterId: storage.clusterId,
    epoch,
    checkpointLogBytes: options.checkpointLogBytes ?? 64 * 2 ** 20,
  });
  return { node, storage, catalog };
}
