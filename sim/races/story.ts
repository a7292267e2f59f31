// A cluster for a scripted interleaving: no faults but those of the script, and steps that read as a
// story. Everything runs in virtual time under a seed.

import { Settings } from '../../src/base/settings.js';
import type { RegionId } from '../../src/base/ids.js';
import type { Catalog } from '../../src/catalog/api.js';
import { fileKind } from '../../src/catalog/records/files.js';
import type { RegionRecord } from '../../src/catalog/records/regions.js';
import { regionKind } from '../../src/catalog/records/regions.js';
import { Client } from '../../src/client/client.js';
import type { Table } from '../../src/client/table.js';
import { DriveDirectory } from '../../src/world/simulated/drive-names.js';
import { simulatedRoot } from '../../src/world/simulated/node.js';
import type { SimNode } from '../../src/world/simulated/node.js';
import { Simulation } from '../../src/world/simulated/simulation.js';
import { checkAuditor, watchServing } from '../checks/serving.js';
import { whyUnsettled } from '../checks/catalog.js';
import { SimClient } from '../client.js';
import { elsewhere, masterAddress, SimCluster } from '../cluster.js';

export interface StoryOptions {
  readonly seed?: number;
  readonly servers?: number;
  readonly settings?: Readonly<Record<string, string>>;
}

const limitMs = 120_000;

export class Story {
  readonly simulation: Simulation;
  readonly cluster: SimCluster;
  readonly client: Client;
  /** Makes single attempts, and does not retry what may have been done. */
  readonly attempts: SimClient;
  readonly #node: SimNode;
  #violation: unknown;

  private constructor({ seed = 1, servers = 2, settings = {} }: StoryOptions) {
    this.simulation = new Simulation(seed);
    this.cluster = new SimCluster({
      simulation: this.simulation,
      settings: Settings.parse(settings),
      servers,
    });
    this.#node = this.simulation.node('client', elsewhere);
    const { network, clock, random } = this.#node.world;
    this.client = new Client({ bootstrap: [masterAddress], network, clock, random });
    this.attempts = new SimClient(this.#node.world, masterAddress);
  }

  /** A cluster that has settled. */
  static async begin(options: StoryOptions = {}): Promise<Story> {
    const story = new Story(options);
    story.cluster.start();
    watchServing(story.cluster, story.#node.clock, (violation) => {
      story.#violation ??= violation;
    });
    await story.settle();
    return story;
  }

  /** A table of one family `f`. */
  async table(name: string, splits: readonly string[] = []): Promise<Table> {
    await this.run(this.client.admin.createTable({ name, families: ['f'], splits }));
    return this.client.table(name);
  }

  /** Runs the world until this has come. */
  async run<T>(work: Promise<T>): Promise<T> {
    const result = await this.simulation.run(work, { limitMs });
    if (this.#violation !== undefined) throw this.#violation;
    return result;
  }

  /** Runs the world until it is so; looks after every tenth of a millisecond. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const untilMs = this.simulation.nowMs + limitMs;
    while (!isSo()) {
      if (this.simulation.nowMs > untilMs) throw new Error(`it does not come to it that ${what}`);
      await this.simulation.runFor(0.1);
    }
  }

  /** Runs the world until every process is up and no procedure is left; then checks what must hold. */
  async settle(): Promise<void> {
    let reason: string | undefined = '';
    const settled = async (): Promise<void> => {
      for (;;) {
        reason = whyUnsettled(this.cluster);
        if (reason === undefined) return;
        await this.#node.clock.sleep(10);
      }
    };
    await this.simulation.run(settled(), { limitMs, name: 'settling' }).catch((error: unknown) => {
      throw new Error(`not settled: ${reason}`, { cause: error });
    });
    if (this.#violation !== undefined) throw this.#violation;
    checkAuditor(this.cluster);
  }

  get catalog(): Catalog {
    if (this.cluster.master === undefined) throw new Error('the master does not run');
    return this.cluster.master.catalog;
  }

  /** All regions, as they are durable. */
  get regions(): readonly RegionRecord[] {
    return [...this.catalog.durable.scan(regionKind)].map(({ value }) => value);
  }

  /** The only region. */
  get region(): RegionRecord {
    const [region] = this.regions;
    if (region === undefined) throw new Error('there is no region');
    return region;
  }

  /** The process that a region belongs to. */
  ownerOf(region: RegionRecord): string {
    for (const [name, { incarnation }] of this.cluster.servers) {
      if (incarnation === region.server) return name;
    }
    throw new Error(`no process runs that region ${region.regionId} belongs to`);
  }

  /** Files that the catalog lists for a region. */
  filesOf(region: RegionId): readonly string[] {
    return [...this.catalog.tail.scan(fileKind, { prefix: [region] })].map(
      ({ value }) => value.object,
    );
  }

  /** Store files on the drive, whoever knows of them. */
  storedFiles(): readonly string[] {
    const data = this.simulation.machine().drive.names.find(`${simulatedRoot}/data`);
    if (!(data instanceof DriveDirectory)) return [];
    return [...data.entries].flatMap(([hash, directory]) =>
      directory instanceof DriveDirectory
        ? [...directory.entries.keys()].map((name) => `data/${hash}/${name}`)
        : [],
    );
  }

  /** All rows of a table with the value of `f:v`. */
  async rows(table: Table): Promise<Readonly<Record<string, string>>> {
    const scan = async (): Promise<[string, string][]> => {
      const rows: [string, string][] = [];
      for await (const row of table.scan()) {
        rows.push([row.key.toString('utf8'), row.text('f', 'v') ?? '']);
      }
      return rows;
    };
    return Object.fromEntries(await this.run(scan()));
  }
}
