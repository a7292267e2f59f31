// A master that answers as a test says, over the simulated network; and a server's link to it. Masters
// of several epochs may run at once: the register, here a field, says which of them is elected.

import { CadastreError } from '../../base/errors.js';
import type { Epoch, Incarnation } from '../../base/ids.js';
import { ServerStatusService } from '../../wire/internal.js';
import type {
  CommitStoresRequest,
  HeartbeatRequest,
  RegisterRequest,
  RegisterResponse,
  ReportOperationsRequest,
  ReportTransitionRequest,
} from '../../wire/generated/cadastre/internal_pb.js';
import type { ProtoHandlers } from '../../wire/proto-service.js';
import { protoService } from '../../wire/proto-service.js';
import { RpcClient } from '../../wire/rpc-client.js';
import { RpcServer } from '../../wire/rpc-server.js';
import type { SimNode } from '../../world/simulated/node.js';
import { Simulation } from '../../world/simulated/simulation.js';
import { MasterLink } from '../master-link.js';
import type { MasterLinkOptions, MasterLocation } from '../master-link.js';

type Handlers = ProtoHandlers<typeof ServerStatusService>;

/** What one master was told, in the order in which it came. */
interface Heard {
  readonly registrations: RegisterRequest[];
  readonly heartbeats: HeartbeatRequest[];
  readonly reports: ReportTransitionRequest[];
  readonly commits: CommitStoresRequest[];
  readonly results: ReportOperationsRequest[];
}

export class ScriptedMaster {
  readonly epoch: Epoch;
  readonly node: SimNode;
  readonly heard: Heard = {
    registrations: [],
    heartbeats: [],
    reports: [],
    commits: [],
    results: [],
  };
  /** Instead of the ordinary answer; the call is in `heard` already. */
  on: Handlers = {};
  location: MasterLocation | undefined;
  readonly #failures = new Map<keyof Handlers, CadastreError[]>();
  #revision = 0;

  constructor(node: SimNode, epoch: number) {
    this.node = node;
    this.epoch = epoch as Epoch;
  }

  async start(): Promise<MasterLocation> {
    const { network, clock, log } = this.node.world;
    const services = [protoService(ServerStatusService, this.#handlers())];
    const server = new RpcServer({ network, clock, log, services, clusterId: () => 'cluster' });
    const address = await server.listen({ host: this.node.name, port: 0 });
    this.location = { address, epoch: this.epoch };
    return this.location;
  }

  kill(): void {
    this.node.kill();
  }

  /** The next calls of `method` fail so, one each. */
  failNext(method: keyof Handlers, ...errors: readonly CadastreError[]): void {
    this.#failures.set(method, [...errors]);
  }

  #handlers(): Required<Handlers> {
    const epoch = BigInt(this.epoch);
    const { heard } = this;
    return {
      register: (request, call) => {
        heard.registrations.push(request);
        this.#failIfTold('register');
        const answer = { epoch, clusterId: 'cluster', clusterVersion: 1 };
        return this.on.register?.(request, call) ?? answer;
      },
      heartbeat: (request, call) => {
        heard.heartbeats.push(request);
        this.#failIfTold('heartbeat');
        return this.on.heartbeat?.(request, call) ?? { epoch };
      },
      reportTransition: (request, call) => {
        heard.reports.push(request);
        this.#failIfTold('reportTransition');
        const answer = { answers: request.reports.map(() => ({ accepted: true })) };
        return this.on.reportTransition?.(request, call) ?? answer;
      },
      commitStores: (request, call) => {
        heard.commits.push(request);
        this.#failIfTold('commitStores');
        const given = this.on.commitStores?.(request, call);
        if (given !== undefined) return given;
        const take = () => ({ taken: true, revision: BigInt(++this.#revision) });
        return { answers: request.commits.map(take) };
      },
      reportOperations: (request, call) => {
        heard.results.push(request);
        this.#failIfTold('reportOperations');
        const answer = { acknowledged: request.results.map(({ number }) => number) };
        return this.on.reportOperations?.(request, call) ?? answer;
      },
    };
  }

  #failIfTold(method: keyof Handlers): void {
    const error = this.#failures.get(method)?.shift();
    if (error !== undefined) throw error;
  }
}

/** A server's node with a link, and masters to link it to. */
export class LinkRig {
  readonly simulation: Simulation;
  readonly server: SimNode;
  readonly incarnation = 3 as Incarnation;
  readonly link: MasterLink;
  readonly registered: RegisterResponse[] = [];
  readonly fenced: CadastreError[] = [];
  /** What the register says. */
  elected: MasterLocation | undefined;

  constructor(options: Partial<MasterLinkOptions> = {}, seed = 1) {
    this.simulation = new Simulation(seed);
    this.server = this.simulation.node('server');
    const { world } = this.server;
    const rpc = new RpcClient({ ...world, user: 'server', softwareVersion: 'test' });
    this.link = new MasterLink({
      ...world,
      rpc,
      locate: () => Promise.resolve(this.elected),
      registration: () => ({ incarnation: BigInt(this.incarnation), host: 'server', port: 1 }),
      onRegistered: (answer) => this.registered.push(answer),
      onFenced: (error) => this.fenced.push(error),
      ...options,
    });
  }

  /** Starts a master and elects it. */
  async elect(epoch: number): Promise<ScriptedMaster> {
    const master = new ScriptedMaster(this.simulation.node(`master-${epoch}`), epoch);
    this.elected = await this.simulation.run(master.start());
    return master;
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.run(work, { limitMs: 5 * 60_000 });
  }

  async until(isSo: () => boolean, limitMs = 60_000): Promise<void> {
    const untilMs = this.simulation.nowMs + limitMs;
    while (!isSo()) {
      if (this.simulation.nowMs > untilMs) throw new Error('it did not come to be so');
      await this.simulation.runFor(5);
    }
  }
}

export const staleIncarnation = new CadastreError(
  'stale-incarnation',
  'server 3 is not one of the live servers any more',
);
