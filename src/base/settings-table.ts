// The one table of settings. HBase's name where one exists, ours (`cadastre.…`) elsewhere.

export type SettingUnit = 'bytes' | 'ms' | 's' | 'count' | 'ratio' | 'attempts' | 'none';

/** One setting, as an operator must know it. */
export interface SettingDeclaration {
  readonly unit: SettingUnit;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whole numbers only, unless this is true. */
  readonly fraction?: boolean;
  /** What must be restarted for a change to take effect. */
  readonly restart: 'none' | 'server' | 'master' | 'both';
  readonly meaning: string;
  readonly whenToChange: string;
  /** Other names it is known by, HBase's among them where ours differs. */
  readonly aliases?: readonly string[];
}

const MiB = 2 ** 20;
const minute = 60_000;

export const settingsTable = {
  'hbase.procedure.remote.dispatcher.threadpool.size': {
    unit: 'count',
    default: 128,
    min: 1,
    max: 10_000,
    restart: 'master',
    meaning: 'Calls to region servers that the master has in flight at once.',
    whenToChange:
      'Raise it with hundreds of servers, when mass assignment waits for free calls; lower it when the master’s network is the bottleneck.',
  },
  'hbase.procedure.remote.dispatcher.delay.msec': {
    unit: 'ms',
    default: 150,
    min: 0,
    max: 10_000,
    restart: 'master',
    meaning:
      'Upper bound of gathering operations for a busy server; an idle one gets them at once.',
    whenToChange: 'Raise it when servers receive many small calls during mass assignment.',
  },
  'hbase.procedure.remote.dispatcher.max.queue.size': {
    unit: 'count',
    default: 32,
    min: 1,
    max: 100_000,
    restart: 'master',
    meaning: 'Operations for one server that are sent without further gathering.',
    whenToChange:
      'Raise it together with the delay for clusters with thousands of regions a server.',
  },
  'hbase.regionserver.rpc.startup.waittime': {
    unit: 'ms',
    default: minute,
    min: 0,
    max: 60 * minute,
    restart: 'master',
    meaning: 'How long calls to a server that says it is starting are repeated without counting.',
    whenToChange: 'Raise it where servers take longer than a minute to start.',
  },
  'hbase.assignment.maximum.attempts': {
    unit: 'attempts',
    default: 10,
    min: 1,
    max: 1_000_000,
    restart: 'master',
    meaning: 'Failed opens of one region before it is left FAILED_OPEN with its reason.',
    whenToChange: 'Raise it where opens fail for passing reasons, such as a flaky store.',
  },
  'hbase.master.wait.on.regionservers.mintostart': {
    unit: 'count',
    default: 1,
    min: 1,
    max: 10_000,
    restart: 'master',
    meaning: 'Region servers to wait for before regions are assigned at start-up.',
    whenToChange:
      'Set it near the number of servers, so that the first one is not given everything.',
  },
  'hbase.master.wait.on.regionservers.timeout': {
    unit: 'ms',
    default: 4_500,
    min: 0,
    max: 60 * minute,
    restart: 'master',
    meaning: 'Longest wait for that number of servers; then those that are there are used.',
    whenToChange: 'Raise it where servers start slowly and spreading matters more than speed.',
  },
  'cadastre.server.silence.ms': {
    unit: 'ms',
    default: 3_000,
    min: 200,
    max: 10 * minute,
    restart: 'master',
    meaning:
      'A server not heard of for so long is fenced (its log is sealed) and its regions are recovered.',
    whenToChange:
      'Raise it on machines that stall for seconds; lower it to notice a hung server sooner. A dead process is noticed at once, without this.',
  },
  'cadastre.server.heartbeat.ms': {
    unit: 'ms',
    default: 1_000,
    min: 50,
    max: minute,
    restart: 'server',
    aliases: ['hbase.regionserver.msginterval'],
    meaning: 'Time between a server’s heartbeats.',
    whenToChange: 'Keep it below a third of cadastre.server.silence.ms.',
  },
  'cadastre.memstore.bytes': {
    unit: 'bytes',
    default: 256 * MiB,
    min: 4 * MiB,
    max: 64 * 1024 * MiB,
    restart: 'server',
    aliases: ['hbase.regionserver.global.memstore.size'],
    meaning:
      'Memory for unflushed writes of one server; above it writes get RegionTooBusyException.',
    whenToChange: 'Raise it for heavy writing on machines with memory to spare.',
  },
  'hbase.hregion.memstore.flush.size': {
    unit: 'bytes',
    default: 64 * MiB,
    min: 64 * 1024,
    max: 16 * 1024 * MiB,
    restart: 'server',
    meaning: 'A region whose unflushed writes reach this is flushed.',
    whenToChange: 'Raise it for fewer, larger store files; lower it with very many active regions.',
  },
  'cadastre.block.cache.bytes': {
    unit: 'bytes',
    default: 64 * MiB,
    min: MiB,
    max: 256 * 1024 * MiB,
    restart: 'server',
    aliases: ['hfile.block.cache.size'],
    meaning: 'Memory of one server for blocks of store files.',
    whenToChange: 'Raise it until the working set fits: it is the first thing to raise for reads.',
  },
  'cadastre.log.bytes': {
    unit: 'bytes',
    default: 256 * MiB,
    min: 16 * MiB,
    max: 64 * 1024 * MiB,
    restart: 'server',
    aliases: ['hbase.regionserver.maxlogs'],
    meaning:
      'Write-ahead log of one server that flushes have not released; at the cap the regions with the oldest edits are flushed.',
    whenToChange:
      'It bounds recovery time: lower it for faster recovery, raise it for fewer flushes.',
  },
  'hbase.client.keyvalue.maxsize': {
    unit: 'bytes',
    default: 10 * MiB,
    min: 1024,
    max: 16 * MiB,
    restart: 'server',
    meaning: 'Largest cell accepted, key and value together.',
    whenToChange: 'Raise it only for a few large values; many belong in an object store.',
  },
  'hbase.client.scanner.timeout.period': {
    unit: 'ms',
    default: minute,
    min: 1_000,
    max: 24 * 60 * minute,
    restart: 'server',
    meaning: 'A scanner not asked for so long is closed.',
    whenToChange: 'Raise it when clients work for minutes on one page of rows.',
  },
  'hbase.server.scanner.max.result.size': {
    unit: 'bytes',
    default: 100 * MiB,
    min: 64 * 1024,
    max: 1024 * MiB,
    restart: 'server',
    meaning: 'Largest page a scan answers, whatever the client asks.',
    whenToChange: 'Lower it when many clients scan at once and memory is short.',
  },
  'hbase.ipc.max.request.size': {
    unit: 'bytes',
    default: 256 * MiB,
    min: 64 * 1024,
    max: 1024 * MiB,
    restart: 'both',
    meaning: 'Largest request frame accepted.',
    whenToChange: 'Lower it to protect a small machine from large batches.',
  },
  'hbase.ipc.server.max.callqueue.length': {
    unit: 'count',
    default: 4_096,
    min: 16,
    max: 1_000_000,
    restart: 'both',
    meaning: 'Calls of all clients in flight in one process; more get CallQueueTooBigException.',
    whenToChange: 'Raise it with thousands of clients, if memory allows.',
  },
  'hbase.hstore.compaction.min': {
    unit: 'count',
    default: 3,
    min: 2,
    max: 100,
    restart: 'server',
    aliases: ['hbase.hstore.compactionThreshold'],
    meaning: 'Store files of one family before a minor compaction is considered.',
    whenToChange: 'Raise it to compact less often, at the cost of slower reads.',
  },
  'hbase.hstore.compaction.max': {
    unit: 'count',
    default: 10,
    min: 2,
    max: 1_000,
    restart: 'server',
    meaning: 'Most store files merged by one minor compaction.',
    whenToChange: 'Rarely; lower it where compactions take too long.',
  },
  'hbase.hstore.compaction.ratio': {
    unit: 'ratio',
    default: 1.2,
    min: 0.1,
    max: 10,
    fraction: true,
    restart: 'server',
    meaning: 'A file joins a compaction if it is at most so many times as large as all newer ones.',
    whenToChange: 'Lower it to write less, raise it to read fewer files.',
  },
  'hbase.hstore.compaction.min.size': {
    unit: 'bytes',
    default: 64 * MiB,
    min: 0,
    max: 16 * 1024 * MiB,
    restart: 'server',
    meaning: 'Files below this always join a compaction.',
    whenToChange: 'Lower it together with the flush size.',
  },
  'hbase.hstore.blockingStoreFiles': {
    unit: 'count',
    default: 16,
    min: 2,
    max: 10_000,
    restart: 'server',
    meaning: 'With so many store files of one family, flushes wait for a compaction.',
    whenToChange: 'Raise it to ride out bursts of writing, at the cost of reads.',
  },
  'hbase.hregion.majorcompaction': {
    unit: 'ms',
    default: 7 * 24 * 60 * minute,
    min: 0,
    max: 365 * 24 * 60 * minute,
    restart: 'server',
    meaning:
      'Age at which all files of a region are merged and deleted cells dropped; 0: only on demand.',
    whenToChange: 'Set 0 and run major compactions by hand where night is the time for them.',
  },
  'cadastre.catalog.checkpoint.bytes': {
    unit: 'bytes',
    default: 32 * MiB,
    min: 64 * 1024,
    max: 4 * 1024 * MiB,
    restart: 'master',
    meaning: 'Catalog log after which a checkpoint of the whole catalog is written.',
    whenToChange: 'Lower it for faster restarts of the master, raise it for less writing.',
  },
  'cadastre.collector.interval.ms': {
    unit: 'ms',
    default: minute,
    min: 100,
    max: 24 * 60 * minute,
    restart: 'master',
    meaning: 'Time between two cycles of the collector, which deletes what nothing refers to.',
    whenToChange: 'Lower it when disk space must come back sooner.',
  },
  'cadastre.procedure.history.count': {
    unit: 'count',
    default: 1_000,
    min: 10,
    max: 1_000_000,
    restart: 'master',
    meaning: 'Ended procedures that are kept to be shown.',
    whenToChange: 'Raise it to look further back; each costs about a kilobyte of memory.',
  },
  'cadastre.procedure.result.ms': {
    unit: 'ms',
    default: 15 * minute,
    min: 1_000,
    max: 24 * 60 * minute,
    restart: 'master',
    aliases: ['hbase.procedure.cleaner.evict.ttl'],
    meaning: 'How long the result of an ended procedure waits for its client.',
    whenToChange: 'Raise it where clients may be cut off for longer.',
  },
} as const satisfies Record<string, SettingDeclaration>;

export type SettingName = keyof typeof settingsTable;
