// The master as a process: takes the root over, opens the catalog, resumes the procedures, serves.
//
// Order of a start (page 4): the port, so that its address can be told; the election; the catalog;
// the procedures with their locks; the servers of the world before; then clients are served, and in
// the background regions that were left closed are opened. Until the catalog is open clients get
// PleaseHold. Losing the election ends the process (L3).

import { CadastreError } from '../base/errors.js';
import type { RegionId } from '../base/ids.js';
import type { Settings } from '../base/settings.js';
import type { Catalog, Transaction } from '../catalog/api.js';
import { openCatalog } from '../catalog/open.js';
import type { ProcedureEngine } from '../procedure/api.js';
import { takeOver } from '../storage/election.js';
import type { Mastership } from '../storage/election.js';
import type { Storage } from '../storage/storage.js';
import { RpcClient } from '../wire/rpc-client.js';
import { RpcServer } from '../wire/rpc-server.js';
import type { Address } from '../world/network.js';
import type { Service, World } from '../world/world.js';
import { assembleMaster } from './assemble.js';
import type { Collector } from './collector/collector.js';
import { MetaImage } from './meta/meta-image.js';
import { MetaScanners } from './meta/meta-scanners.js';
import { metaService } from './meta/meta-service.js';
import type { MasterParts } from './rpc/master-parts.js';
import { masterService } from './rpc/master-service.js';
import { registryService } from './rpc/registry-service.js';
import { sendOperations } from './servers/control.js';
import { statusService } from './servers/status-service.js';
import { assignLeftBehind, waitForServers } from './start-up.js';

export interface MasterOptions {
  readonly world: World;
  readonly storage: Storage & { readonly clusterId: string };
  readonly settings: Settings;
  /** Told to clients and servers; also what is listened on. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly softwareVersion: string;
  /** Where else this master is reached, by purpose; told in the election, beside `rpc`. */
  readonly otherAddresses?: Readonly<Record<string, Address>>;
  /** Procedures stay paused until an operator resumes them. */
  readonly startPaused?: boolean;
}

/** What operators see first. */
export interface MasterStatus {
  readonly epoch: number;
  readonly clusterId: string;
  readonly liveServers: number;
  readonly regionsInTransition: number;
  /** The wait for servers is over and what was left closed is being opened. */
  readonly isSettled: boolean;
}

export interface Master extends Service {
  readonly address: Address;
  readonly engine: ProcedureEngine<Transaction>;
  readonly catalog: Catalog;
  readonly collector: Collector;
  /** Regions that are neither open nor closed as they should be. */
  readonly inTransition: ReadonlySet<RegionId>;
  status(): MasterStatus;
  /** Proof from the launcher that its child with this process id has ended. */
  processExited(pid: number): void;
  /** The whole cluster is being stopped, servers first: that they end is not told as a crash. */
  expectStops(): void;
}

/**
 * Starts a master. Rejects with `root-in-use` while another one lives, `port-taken`, or what the
 * storage says.
 */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const process = new MasterProcess(options);
  try {
    await process.start();
    return process;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

class MasterProcess implements Master {
  readonly #options: MasterOptions;
  readonly #stopping = new AbortController();
  /** What was started, to be stopped in the reverse order. */
  readonly #stops: (() => Promise<void> | void)[] = [];
  #parts: MasterParts | undefined;
  #metaImage: MetaImage | undefined;
  #address: Address;
  #settling: Promise<void> | undefined;
  #isSettled = false;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#address = { host: options.host, port: options.port };
  }

  async start(): Promise<void> {
    const { world, storage } = this.#options;
    await this.#listen();
    const mastership = await takeOver({
      storage,
      clusterId: storage.clusterId,
      clock: world.clock,
      process: world.process,
      log: world.log,
      host: this.#options.host,
      addresses: { ...this.#options.otherAddresses, rpc: this.#address },
    });
    this.#stops.push(() => mastership.resign());
    mastership.onLost((error) => {
      if (!this.#stopping.signal.aborted) world.process.exit(1, error.message);
    });
    const catalog = await this.#openCatalog(mastership);
    await mastership.trimHistory();
    await this.#work(mastership, catalog);
    this.#settling = this.#settle();
  }

  get address(): Address {
    return this.#address;
  }
  get engine(): ProcedureEngine<Transaction> {
    return this.#ready().engine;
  }
  get catalog(): Catalog {
    return this.#ready().catalog;
  }
  get collector(): Collector {
    return this.#ready().collector;
  }

  get inTransition(): ReadonlySet<RegionId> {
    return this.#ready().image.inTransition;
  }

  status(): MasterStatus {
    const { catalog, epoch, image, registry } = this.#ready();
    return {
      epoch,
      clusterId: catalog.clusterId,
      liveServers: registry.ready,
      regionsInTransition: image.inTransition.size,
      isSettled: this.#isSettled,
    };
  }

  processExited(pid: number): void {
    this.#parts?.registry.processExited(pid);
  }

  expectStops(): void {
    this.#parts?.registry.expectStops();
  }

  /** Starts no more steps and waits for those under way; calls are still answered. */
  async drain(): Promise<void> {
    this.#stopping.abort(new CadastreError('stopped', 'the master is stopping'));
    await this.#settling;
    await this.#parts?.engine.drain();
  }

  async stop(): Promise<void> {
    await this.drain();
    // From here on callers are told to hold: the next master answers them.
    this.#parts = undefined;
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  #ready(): MasterParts {
    if (this.#parts !== undefined) return this.#parts;
    throw new CadastreError('please-hold', 'Master is initializing', {
      nextStep: 'Try again in a moment.',
    });
  }

  async #listen(): Promise<void> {
    const { world, storage, settings } = this.#options;
    const ready = () => this.#ready();
    const server = new RpcServer({
      network: world.network,
      clock: world.clock,
      log: world.log,
      services: [
        masterService(ready),
        registryService(ready),
        statusService(ready),
        this.#metaService(),
      ],
      clusterId: () => storage.clusterId,
      frameBytesMax: settings.get('hbase.ipc.max.request.size'),
      callsMax: settings.get('hbase.ipc.server.max.callqueue.length'),
    });
    this.#address = await server.listen(this.#address);
    this.#stops.push(() => server.stop());
  }

  #metaService() {
    const { clock, random } = this.#options.world;
    let scanners: MetaScanners | undefined;
    return metaService(() => {
      const { catalog } = this.#ready();
      const image = (this.#metaImage ??= new MetaImage(catalog));
      scanners ??= new MetaScanners(image, clock, random);
      return { image, scanners, revision: catalog.durable.revision };
    });
  }

  async #openCatalog({ epoch }: Mastership): Promise<Catalog> {
    const { world, storage, settings } = this.#options;
    const catalog = await openCatalog({
      storage,
      clock: world.clock,
      process: world.process,
      log: world.log,
      clusterId: storage.clusterId,
      epoch,
      checkpointLogBytes: settings.get('cadastre.catalog.checkpoint.bytes'),
    });
    this.#stops.push(() => catalog.close({ checkpoint: true }));
    return catalog;
  }

  async #work({ epoch }: Mastership, catalog: Catalog): Promise<void> {
    const { world, storage, settings, softwareVersion } = this.#options;
    const rpc = new RpcClient({
      network: world.network,
      clock: world.clock,
      user: 'cadastre',
      softwareVersion,
    });
    this.#stops.push(() => rpc.close());
    const { clock, log, process, random } = world;
    const master = await assembleMaster({
      world: { clock, log, process, random },
      storage,
      settings,
      catalog,
      epoch,
      sender: (parts) => sendOperations({ rpc, ...parts }),
    });
    this.#stops.push(
      () => this.#metaImage?.close(),
      () => master.stop(),
    );
    this.#parts = { ...master.parts, address: this.#address, softwareVersion };
    master.start({ paused: this.#options.startPaused === true });
  }

  /** Never rejects. */
  async #settle(): Promise<void> {
    const { log } = this.#options.world;
    const { signal } = this.#stopping;
    try {
      await waitForServers(this.#ready(), signal);
      await assignLeftBehind(this.#ready(), log, signal);
      this.#isSettled = true;
    } catch (error) {
      if (!signal.aborted) log.error('regions that were left closed are not assigned', {}, error);
    }
  }
}
