import { NodeClock } from '../world/real/clock.js';
import { NodeDisk } from '../world/real/disk.js';
import { Simulation } from '../world/simulated/simulation.js';
import { LocalLogStore } from './local-log.js';
import { logSuite } from './testing/log-suite.js';
import { makeTemporaryDirectory } from './testing/temporary-directory.js';

const small = { segmentBytes: 4_096, fillBytes: 1_024 };

logSuite('a directory of the real file system', async () => {
  const { path: root, remove } = await makeTemporaryDirectory();
  return {
    open: () => new LocalLogStore({ disk: new NodeDisk(), clock: new NodeClock(), root, ...small }),
    run: (work) => work(),
    dispose: remove,
  };
});

logSuite('a simulated drive', async () => {
  const simulation = new Simulation('log suite');
  let nodes = 0;
  return {
    open: () => {
      const { disk, clock } = simulation.node(`node-${nodes++}`);
      return new LocalLogStore({ disk, clock, root: '/cadastre', ...small });
    },
    run: (work) => simulation.run(work),
    dispose: async () => undefined,
  };
});
