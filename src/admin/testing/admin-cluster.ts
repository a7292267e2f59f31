// A simulated cluster with its operator API, asked without a network.

import { TestCluster } from '../../master/testing/cluster.js';
import type { HttpHandler } from '../../world/http.js';
import { adminHandler } from '../handler.js';

export const token = 'a'.repeat(64);

export interface Answer {
  readonly status: number;
  readonly json: never;
}

export class AdminCluster {
  readonly cluster: TestCluster;
  readonly handler: HttpHandler;

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
    const { clock, log } = cluster.simulation.node('client').world;
    this.handler = adminHandler({
      token,
      master: () => cluster.master,
      clock,
      log,
      softwareVersion: 'test',
    });
  }

  static async start(seed: number, servers: number): Promise<AdminCluster> {
    return new AdminCluster(await new TestCluster(seed).start(servers));
  }

  /** Asks, and runs the world until the answer. */
  async ask(
    method: 'GET' | 'POST',
    target: string,
    options: {
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Answer> {
    const text = options.body === undefined ? '' : JSON.stringify(options.body);
    const answer = this.handler({
      method,
      target,
      headers: { host: '127.0.0.1:1', authorization: `Bearer ${token}`, ...options.headers },
      body: Buffer.from(text),
      signal: options.signal ?? new AbortController().signal,
    });
    const { status, body } = await this.cluster.simulation.run(answer, {
      name: target,
      limitMs: 120_000,
    });
    return { status, json: JSON.parse(body) as never };
  }

  get(target: string): Promise<Answer> {
    return this.ask('GET', target);
  }

  post(target: string, body?: unknown): Promise<Answer> {
    return this.ask('POST', target, body === undefined ? {} : { body });
  }

  /** A table that cannot be made: there is no server for its region. Its CreateTable's id. */
  async stuckTable(table: string): Promise<number> {
    const request = this.cluster.createRequest(table, []);
    const { procId } = await this.cluster.ask('createTable', request);
    await this.cluster.simulation.runFor(1_000);
    return Number(procId);
  }
}
