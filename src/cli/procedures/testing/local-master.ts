// A real master with its operator API on a root in a temporary directory, and the command line against it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { Settings } from '../../../base/settings.js';
import { familyDescriptor } from '../../../base/table.js';
import type { Master } from '../../../master/master.js';
import { startMaster } from '../../../master/master.js';
import { CreateTable } from '../../../master/tables/create-table.js';
import { openStorage } from '../../../storage/root.js';
import { realWorld } from '../../../world/real/world.js';
import { openAdminServer } from '../../admin-server.js';
import type { AdminServer } from '../../admin-server.js';
import { exitCodes } from '../../errors.js';
import { main } from '../../main.js';

export function temporaryRoot(): { readonly root: string; readonly remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'cadastre-operator-'));
  return { root, remove: () => rmSync(root, { recursive: true }) };
}

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command in this process. */
export async function cadastre(...args: readonly string[]): Promise<CommandEnd> {
  const texts = { out: '', err: '' };
  const spies = (['out', 'err'] as const).map((name) =>
    vi.spyOn(process[`std${name}`], 'write').mockImplementation((text) => {
      texts[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = exitCodes.done;
  try {
    await main(args);
    return { ...texts, code: process.exitCode };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

export class LocalMaster {
  readonly root: string;
  readonly master: Master;
  readonly admin: AdminServer;

  private constructor(root: string, master: Master, admin: AdminServer) {
    this.root = root;
    this.master = master;
    this.admin = admin;
  }

  /** As `cadastre master` does, on free ports. */
  static async start(root: string, options: { startPaused?: boolean } = {}): Promise<LocalMaster> {
    const world = realWorld({ directory: root, log: { level: 'silent' } });
    const storage = await openStorage(world);
    const admin = await openAdminServer({ root }, world);
    const master = await startMaster({
      world,
      storage,
      settings: Settings.defaults(),
      host: '127.0.0.1',
      port: 0,
      softwareVersion: 'test',
      otherAddresses: { http: admin.address },
      ...options,
    });
    admin.serve(master);
    return new LocalMaster(root, master, admin);
  }

  async stop(): Promise<void> {
    await this.master.stop();
    await this.admin.close();
  }

  /** The id of a CreateTable that waits for a server, as there is none. */
  async stuckTable(qualifier: string): Promise<number> {
    const { engine } = this.master;
    const name = { namespace: 'default', qualifier };
    const descriptor = { name, families: [familyDescriptor('f')], attributes: {} };
    const committed = engine.submit(CreateTable, { descriptor, splitKeys: [] }, { owner: 'ada' });
    await vi.waitFor(() => {
      const view = engine.show(committed.value);
      if (view.reason !== 'children') throw new Error(`it is '${view.reason}'`);
      const [child] = engine.tree(committed.value).children;
      if (child?.procedure.reason !== 'event') throw new Error('its child does not wait yet');
    });
    return committed.value;
  }

  cadastre(...args: readonly string[]): Promise<CommandEnd> {
    return cadastre(...args, '--root', this.root);
  }
}
