// `cadastre start`, `master` and `server`: the processes of a cluster.
//
// Invariants:
// 1. `start` runs a master in its own process and forks the region servers; they end with it.
// 2. SIGINT and SIGTERM stop cleanly: servers flush, then the master writes a checkpoint. A second
//    signal ends at once; nothing acknowledged is lost by that, only the next start takes longer.

import { availableParallelism } from 'node:os';
import { CadastreError } from '../base/errors.js';
import { serverKind } from '../catalog/records/servers.js';
import type { Master, MasterOptions } from '../master/master.js';
import { openStorage } from '../storage/root.js';
import type { Address } from '../world/network.js';
import type { World } from '../world/world.js';
import { clearTemporaries } from '../world/local/object-store.js';
import { realWorld } from '../world/real/world.js';
import { parseProcessOptions } from './process-options.js';
import type { ProcessOptions } from './process-options.js';
import { Processes, obeyParent } from './processes.js';
import { readVersion } from './version.js';

/** HBase's own port of the master; taken if it is free and none is given. */
const usualPort = 16_000;

export async function start(given: unknown): Promise<void> {
  const options = parseProcessOptions(given);
  const world = worldOf(options);
  const count = options.servers ?? Math.min(4, Math.max(1, availableParallelism() - 1));
  let master: Master | undefined;
  const processes = new Processes({
    count: options.oneProcess === true ? 0 : count,
    args: serverArguments(options),
    log: world.log,
    onExit: (pid) => master?.processExited(pid),
  });
  processes.start();
  const running = await runMaster(options, world).catch(async (error: unknown) => {
    await processes.stop();
    throw error;
  });
  master = running.master;
  await clearUnfinished(world, running.master);
  processes.letGo();
  const stops = [() => running.stop()];
  if (options.oneProcess === true) {
    for (let i = 0; i < count; i++) stops.unshift(await runServer(options, worldOf(options), 0));
  } else stops.unshift(() => processes.stop());
  stops.unshift(async () => running.master.expectStops());
  stopOnSignals(stops);
  announce(options, running, processes);
}

export async function master(given: unknown): Promise<void> {
  const options = parseProcessOptions(given);
  const running = await runMaster(options, worldOf(options));
  stopOnSignals([() => running.stop()]);
  const { address } = running.master;
  process.stdout.write(`master at ${addressText(address)}\n`);
}

export async function server(given: unknown): Promise<void> {
  const options = parseProcessOptions(given);
  const parent = options.child === true ? obeyParent() : undefined;
  await import('../server/server.js');
  await parent?.mayGo;
  const stop = await runServer(options, worldOf(options), options.port ?? 0);
  if (parent === undefined) stopOnSignals([stop]);
  else parent.onStop(() => stopAll([stop]));
}

function worldOf(options: ProcessOptions): World {
  return realWorld({
    directory: options.root,
    log: { level: options.logLevel, pretty: options.logJson !== true },
  });
}

interface RunningMaster {
  readonly master: Master;
  readonly adminAddress: Address;
  stop(): Promise<void>;
}

/** A master with its operator API. */
async function runMaster(options: ProcessOptions, world: World): Promise<RunningMaster> {
  const { openAdminServer } = await import('./admin-server.js');
  const storage = await openStorage(world, `cadastre ${readVersion()}`);
  const admin = await openAdminServer(options, world);
  try {
    const master = await listenAndStart(options, {
      world,
      storage,
      settings: options.settings,
      host: options.host,
      softwareVersion: readVersion(),
      otherAddresses: { http: admin.address },
      startPaused: options.startPaused === true,
    });
    admin.serve(master);
    const stop = async (): Promise<void> => {
      await master.stop();
      await admin.close();
    };
    return { master, adminAddress: admin.address, stop };
  } catch (error) {
    await admin.close();
    throw error;
  }
}

/** On the port that was asked for, else the usual one, else a free one. */
async function listenAndStart(
  { port }: ProcessOptions,
  common: Omit<MasterOptions, 'port'>,
): Promise<Master> {
  const { startMaster } = await import('../master/master.js');
  try {
    return await startMaster({ ...common, port: port ?? usualPort });
  } catch (error) {
    const isTaken = error instanceof CadastreError && error.code === 'port-taken';
    if (port !== undefined || !isTaken) throw error;
    return await startMaster({ ...common, port: 0 });
  }
}

/** Objects that crashed processes left half-written, unless a server of before may be writing still. */
async function clearUnfinished({ root, process: control }: World, running: Master): Promise<void> {
  const servers = [...running.catalog.durable.scan(serverKind)];
  const isAlone = servers.every(({ value }) => control.look(value.process) === 'gone');
  if (isAlone && root.kind === 'local') await clearTemporaries(root.disk, root.directory);
}

/** Returns what stops it cleanly. */
async function runServer(
  options: ProcessOptions,
  world: World,
  port: number,
): Promise<() => Promise<void>> {
  const { startServer } = await import('../server/server.js');
  const storage = await openStorage(world, `cadastre ${readVersion()}`);
  const running = await startServer({
    world,
    storage,
    settings: options.settings,
    address: { host: options.host, port },
    softwareVersion: readVersion(),
  });
  return () => running.drain();
}

function serverArguments(options: ProcessOptions): readonly string[] {
  const { root, host, settings, logLevel, logJson, insecure } = options;
  const changed = Object.entries(settings.given()).flatMap(([name, value]) => [
    '--set',
    `${name}=${value}`,
  ]);
  return [
    'server',
    '--child',
    '--root',
    root,
    '--host',
    host,
    '--log-level',
    logLevel,
    ...(logJson === true ? ['--log-json'] : []),
    ...(insecure === true ? ['--insecure'] : []),
    ...changed,
  ];
}

function stopOnSignals(stops: readonly (() => Promise<void>)[]): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    process.stderr.write('stopping; once more to stop at once\n');
    void stopAll(stops);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  try {
    for (const stop of stops) await stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`cadastre: the stop was not clean: ${String(error)}\n`);
    process.exit(1);
  }
}

function announce(
  { root, json }: ProcessOptions,
  { master, adminAddress }: RunningMaster,
  processes: Processes,
): void {
  const at = addressText(master.address);
  const admin = addressText(adminAddress);
  if (json === true) {
    const line = { master: at, admin, root, pid: process.pid, servers: processes.pids };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  process.stdout.write(
    [
      `Cadastre runs. Master ${at}, operator API ${admin}, data in ${root}`,
      '',
      'Try, in another terminal:',
      `  npx cadastre shell -e 'create "t","f"' -e 'put "t","row","f:q","value"' -e 'scan "t"'`,
      '  npx cadastre status',
      '  npx cadastre --help',
      '',
      'Control-C stops it.',
      '',
    ].join('\n'),
  );
}

function addressText({ host, port }: Address): string {
  return `${host}:${port}`;
}
