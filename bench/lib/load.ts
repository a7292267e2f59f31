// A closed loop: so many requests are always under way, each followed by the next when it is answered.

import { createHistogram } from 'node:perf_hooks';
import type { CadastreError } from '../../src/base/errors.js';
import { cpuUs } from './processes.js';

/** Sends one request; `done` is called once, later, with how many operations it was. */
export type SendOne = (
  done: (error: CadastreError | undefined, operations: number) => void,
) => void;

export interface LoadFigures {
  readonly opsPerS: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** Undefined if the servers' processes are not known. */
  readonly serverCpuUsPerOp: number | undefined;
  /** Of this process, the client: much of it means that the client was the bottleneck. */
  readonly clientCpuUsPerOp: number;
}

export interface LoadOptions {
  readonly inFlight: number;
  readonly seconds: number;
  readonly serverPids: readonly number[];
  /** One for each of the requests under way. */
  readonly sender: (index: number) => SendOne;
}

/** Percentiles are of requests, each `done` one, whatever number of operations it carried. */
export function runLoad(options: LoadOptions): Promise<LoadFigures> {
  const { inFlight, seconds, serverPids, sender } = options;
  const latencies = createHistogram();
  const serverBefore = cpuUs(serverPids);
  const clientBefore = process.cpuUsage();
  const started = performance.now();
  const until = started + seconds * 1_000;
  let running = inFlight;
  let operations = 0;
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      const elapsedS = (performance.now() - started) / 1_000;
      const { user, system } = process.cpuUsage(clientBefore);
      const serverAfter = cpuUs(serverPids);
      const isKnown = serverBefore !== undefined && serverAfter !== undefined;
      resolve({
        opsPerS: operations / elapsedS,
        p50Us: latencies.percentile(50),
        p99Us: latencies.percentile(99),
        p999Us: latencies.percentile(99.9),
        serverCpuUsPerOp: isKnown ? (serverAfter - serverBefore) / operations : undefined,
        clientCpuUsPerOp: (user + system) / operations,
      });
    };
    for (let i = 0; i < inFlight; i++) {
      const send = sender(i);
      let sentAt = performance.now();
      const answered = (error: CadastreError | undefined, count: number): void => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        const now = performance.now();
        latencies.record(Math.max(1, Math.round((now - sentAt) * 1_000)));
        operations += count;
        if (now < until) {
          sentAt = now;
          send(answered);
        } else if (--running === 0) finish();
      };
      send(answered);
    }
  });
}
