import { describe, expect, it } from 'vitest';
import type { RegionId, Sequence } from '../../base/ids.js';
import { candidateKind, objectCandidate } from '../../catalog/records/deletion.js';
import { fileKind } from '../../catalog/records/files.js';
import { logKind } from '../../catalog/records/logs.js';
import { sampleFile } from '../../catalog/testing/samples.js';
import { ServerStatusService } from '../../wire/internal.js';
import { TestCluster } from '../testing/cluster.js';
import type { FakeServer } from '../testing/fake-server.js';

async function open(seed: number) {
  const cluster = await new TestCluster(seed).start(2);
  await cluster.createTable('t');
  await cluster.until(() => cluster.isServed('t'), 'served');
  const [region] = cluster.regions('t');
  const holder = cluster.server(region?.server);
  const other = cluster.servers.find((server) => server !== holder) as FakeServer;
  return { cluster, holder, other, id: region?.regionId as RegionId };
}
const hfile = 'data/00/1-7-hfile';

describe('store commits', () => {
  it('race W14: a commit whose answer was lost is taken again without effect', async () => {
    const { cluster, holder, id } = await open(1);
    const changes = { added: [sampleFile(hfile)], flushedSequence: 8 as Sequence };
    const first = await cluster.simulation.run(holder.flush(id, changes, 1));
    expect(first?.taken).toBe(true);
    const { durable } = cluster.master.catalog;
    expect(cluster.regions('t')[0]?.flushedSequence).toBe(8);
    const compacted = {
      added: [sampleFile('data/00/1-8-hfile')],
      removed: [hfile],
      flushedSequence: undefined,
    };
    expect((await cluster.simulation.run(holder.flush(id, compacted, 2)))?.taken).toBe(true);
    // Race W18: the first copy arrives late; the file stays what it is, a candidate.
    const late = await cluster.simulation.run(holder.flush(id, changes, 1));
    expect(late?.taken).toBe(true);
    const files = [...durable.scan(fileKind, { prefix: [id] })].map(({ value }) => value.object);
    expect(files).toEqual(['data/00/1-8-hfile']);
    expect(durable.get(candidateKind, objectCandidate(hfile))?.state).toBe('waiting');
  });

  it('races W7, W14: a commit that comes after the region moved is refused, its object collected', async () => {
    const { cluster, holder, id } = await open(2);
    const region = cluster.regions('t')[0];
    holder.node.suspend();
    await cluster.until(() => cluster.regions('t')[0]?.server !== region?.server, 'moved');
    holder.node.resume();
    const stale = holder.flush(id, { added: [sampleFile(hfile)] }, 1);
    await expect(cluster.simulation.run(stale)).rejects.toMatchObject({
      code: 'stale-incarnation',
    });
    const candidates = cluster.master.catalog.durable;
    expect(candidates.get(candidateKind, objectCandidate(hfile))?.state).toBe('waiting');
    const { cluster: moved, holder: from, other: to, id: movedId } = await open(3);
    // The other server says that it has the region.
    to.pretend(movedId, moved.regions('t')[0]?.generation as never);
    const answer = await moved.simulation.run(to.flush(movedId, { added: [sampleFile(hfile)] }, 1));
    expect(answer).toMatchObject({
      taken: false,
      reason: `region ${movedId} belongs to server ${from.incarnation}`,
    });
    const { durable } = moved.master.catalog;
    expect(durable.get(candidateKind, objectCandidate(hfile))?.state).toBe('waiting');
  });

  it('raises what is needed of the log only with commits that were taken', async () => {
    const { cluster, holder, id } = await open(4);
    const { durable } = cluster.master.catalog;
    const position = (sequence: number) => ({
      segment: 0n,
      offset: BigInt(sequence * 64),
      sequence: BigInt(sequence),
    });
    const low = () => durable.get(logKind, [holder.incarnation])?.low.sequence;
    const commit = (generation: number, number: number, sequence: number) =>
      cluster.simulation.run(
        holder.call(ServerStatusService.method.commitStores, {
          incarnation: BigInt(holder.incarnation),
          commits: [
            {
              regionId: BigInt(id),
              generation: BigInt(generation),
              number: BigInt(number),
              commit: {},
            },
          ],
          logNeededFrom: position(sequence),
        }),
      );
    await commit(1, 1, 5);
    expect(low()).toBe(5);
    const refused = await commit(9, 2, 7);
    expect(refused.answers[0]?.taken).toBe(false);
    expect(low()).toBe(5);
  });

  it('a crashed server cannot give up the log that its regions are recovered from', async () => {
    const { cluster, holder } = await open(5);
    const { durable } = cluster.master.catalog;
    cluster.master.engine.pauseType('ServerCrash');
    holder.node.suspend();
    await cluster.until(() => cluster.master.status().liveServers === 1, 'noticed');
    holder.node.resume();
    const release = holder.call(ServerStatusService.method.commitStores, {
      incarnation: BigInt(holder.incarnation),
      commits: [],
      logNeededFrom: { segment: 9n, offset: 9n, sequence: 99n },
    });
    await expect(cluster.simulation.run(release)).rejects.toMatchObject({
      code: 'stale-incarnation',
    });
    expect(durable.get(logKind, [holder.incarnation])?.low.sequence).toBe(1);
  });
});
