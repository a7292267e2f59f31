// docs/reference/rpc.md is this rendering: `npx vitest run test/reference -u` writes it anew. It calls
// every method of HBase's services with an empty message and looks at how it is answered.

import { describe, expect, it } from 'vitest';
import { CadastreError } from '../../src/base/errors.js';
import { Settings } from '../../src/base/settings.js';
import { masterService } from '../../src/master/rpc/master-service.js';
import { registryService as masterRegistry } from '../../src/master/rpc/registry-service.js';
import { adminService } from '../../src/server/admin-service.js';
import { clientService } from '../../src/server/client-service.js';
import { HostedRegions } from '../../src/server/hosted-regions.js';
import { Scanners } from '../../src/server/scanners.js';
import { exceptionClassName } from '../../src/wire/exceptions.js';
import { RpcCall } from '../../src/wire/rpc-call.js';
import type { RpcMethod, RpcService } from '../../src/wire/rpc-call.js';
import { Simulation } from '../../src/world/simulated/simulation.js';

/** The error that a call of the method ends with, if it ends at once and badly. */
function failureOf(method: RpcMethod): CadastreError | undefined {
  let failure: CadastreError | undefined;
  const info = {
    serviceName: '',
    user: 'test',
    codec: 'none',
    version: undefined,
    remote: { host: 'client', port: 1 },
  } as const;
  const owner = {
    info,
    sendReply: () => undefined,
    sendFailure: (_call: RpcCall, error: CadastreError) => {
      failure = error;
    },
  };
  const header = { callId: 1, methodName: '', hasParameter: true, cellBlockLength: undefined };
  const rest = { priority: 0, timeoutMs: 0 };
  const call = new RpcCall(owner, { ...header, ...rest }, Buffer.alloc(0), undefined, 0, 0);
  try {
    method(call);
  } catch (error) {
    if (error instanceof CadastreError) failure = error;
  }
  return failure;
}

function rowsOf({ methods }: RpcService): readonly string[] {
  return [...methods].map(([name, method]) => {
    const failure = failureOf(method);
    const isRefused = failure?.code === 'not-supported';
    const answer = isRefused ? `refused: \`${exceptionClassName(failure)}\`` : 'done';
    return `| ${name} | ${answer} |`;
  });
}

describe('the reference of RPCs', () => {
  it('tells for each call of HBase whether it is done or refused, and how', async () => {
    const { clock, random, log } = new Simulation(1).node('server').world;
    const regions = new HostedRegions(clock, () => 'server,1,1');
    const settings = Settings.defaults();
    const scanners = new Scanners(clock, random, settings);
    const starting = (): never => {
      throw new CadastreError('please-hold', 'Master is initializing');
    };
    const self = () => ({ hostName: 'server', port: 1, startCode: 1n });
    const services: readonly (readonly [string, RpcService])[] = [
      ['region server', clientService({ regions, scanners, clock, settings, space: undefined })],
      ['region server', adminService({ regions, self, log })],
      ['master and region server', masterRegistry(starting)],
      ['master', masterService(starting)],
    ];
    const page = [
      '# RPCs',
      '',
      "HBase's services and calls. A refused call, and every call not named here, gets",
      '`org.apache.hadoop.hbase.DoNotRetryIOException` with a sentence; so do all calls of HbckService.',
      'The master also answers ClientService, for `hbase:meta`. This page is made by',
      '`test/reference/rpc.test.ts`.',
      '',
      ...services.flatMap(([where, service]) => [
        `## ${service.name} (${where})`,
        '',
        '| call | answer |',
        '|---|---|',
        ...rowsOf(service),
        '',
      ]),
    ].join('\n');
    await expect(page).toMatchFileSnapshot('../../docs/reference/rpc.md');
    expect(page).toContain('| Mutate | done |');
  });
});
