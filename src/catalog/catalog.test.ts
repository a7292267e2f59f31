import { describe, expect, it } from 'vitest';
import type { Revision } from '../base/ids.js';
import type { Catalog, CatalogView } from './api.js';
import { defineKind } from './kind.js';
import { transactionBytesMax } from './limits.js';
import { settingKind } from './records/system.js';
import { SimulatedCatalog } from './testing/simulated-catalog.js';

function put(catalog: Catalog, name: string, value: string) {
  return catalog.transact((tx) => {
    tx.put(settingKind, [name], value);
  });
}

function settings(view: Pick<CatalogView, 'scan'>): Record<string, string> {
  return Object.fromEntries([...view.scan(settingKind)].map(({ key, value }) => [key[0], value]));
}

async function openOne() {
  const world = new SimulatedCatalog();
  return { world, ...(await world.open()) };
}

describe('a transaction', () => {
  it('shows in the tail at once and in the durable view when it is durable (L4)', async () => {
    const { world, catalog } = await openOne();
    const before = catalog.durable.revision;
    const committed = put(catalog, 'a', '1');
    expect(catalog.tail.get(settingKind, ['a'])).toBe('1');
    expect(catalog.durable.get(settingKind, ['a'])).toBeUndefined();
    expect(catalog.durable.revision).toBe(before);
    await world.run(committed.durable());
    expect(catalog.durable.get(settingKind, ['a'])).toBe('1');
    expect(catalog.durable.revision).toBe(committed.revision);
  });

  it('reads its own writes, in scans too', async () => {
    const { catalog } = await openOne();
    put(catalog, 'a', '1');
    put(catalog, 'b', '1');
    catalog.transact((tx) => {
      tx.put(settingKind, ['b'], '2');
      tx.put(settingKind, ['c'], '3');
      tx.delete(settingKind, ['a']);
      expect(tx.get(settingKind, ['a'])).toBeUndefined();
      expect(settings(tx)).toEqual({ b: '2', c: '3' });
    });
    expect(settings(catalog.tail)).toEqual({ b: '2', c: '3' });
  });

  it('that throws leaves no trace, and its error comes out', async () => {
    const { world, catalog, node } = await openOne();
    put(catalog, 'a', '1');
    const revision = catalog.tail.revision;
    const failure = new Error('precondition');
    expect(() =>
      catalog.transact((tx) => {
        tx.put(settingKind, ['a'], '2');
        tx.put(settingKind, ['b'], '2');
        tx.delete(settingKind, ['a']);
        throw failure;
      }),
    ).toThrow(failure);
    expect(settings(catalog.tail)).toEqual({ a: '1' });
    expect(catalog.tail.revision).toBe(revision);
    const after = put(catalog, 'c', '3');
    expect(after.revision).toBe(revision + 1);
    await world.run(after.durable());
    node.kill();
    expect(settings((await world.open()).catalog.durable)).toEqual({ a: '1', c: '3' });
  });

  it('past the size limit is refused with the numbers, and leaves no trace (L9)', async () => {
    const { catalog } = await openOne();
    const revision = catalog.tail.revision;
    expect(() => put(catalog, 'big', 'x'.repeat(transactionBytesMax))).toThrow(
      expect.objectContaining({
        code: 'request-too-big',
        message: expect.stringMatching(/the limit is 1048576/) as string,
      }),
    );
    expect(catalog.tail.revision).toBe(revision);
    expect(settings(catalog.tail)).toEqual({});
  });

  it('cannot be nested, used after its body, or made asynchronous', async () => {
    const { catalog } = await openOne();
    expect(() => catalog.transact(() => put(catalog, 'a', '1'))).toThrow(/not nested/);
    const { value: tx } = catalog.transact((inner) => inner);
    expect(() => {
      tx.put(settingKind, ['a'], '1');
    }).toThrow(/only inside its body/);
    expect(() => catalog.transact(() => Promise.resolve())).toThrow(/synchronous/);
    put(catalog, 'a', '2');
    expect(settings(catalog.tail)).toEqual({ a: '2' });
  });

  it('that writes nothing is durable when what it read is', async () => {
    const { world, catalog } = await openOne();
    const written = put(catalog, 'a', '1');
    const read = catalog.transact((tx) => tx.get(settingKind, ['a']));
    expect(read.value).toBe('1');
    expect(read.revision).toBe(written.revision);
    let told = false;
    read.whenDurable(() => {
      told = true;
    });
    expect(told).toBe(false);
    await world.run(written.durable());
    expect(told).toBe(true);
    await world.run(catalog.transact((tx) => tx.get(settingKind, ['a'])).durable());
  });

  it('race P18: queued behind another one sees what that one changed, so its precondition fails', async () => {
    const { world, catalog } = await openOne();
    const create = (owner: string) =>
      catalog.transact((tx) => {
        if (tx.get(settingKind, ['name']) !== undefined) throw new Error('the name is taken');
        tx.put(settingKind, ['name'], owner);
      });
    const first = create('first');
    expect(catalog.durable.get(settingKind, ['name'])).toBeUndefined();
    expect(() => create('second')).toThrow('the name is taken');
    await world.run(first.durable());
    expect(catalog.durable.get(settingKind, ['name'])).toBe('first');
  });
});

describe('waiting for a transaction', () => {
  it('wakes in log order, each after its own revision was applied', async () => {
    const { world, catalog } = await openOne();
    const woken: string[] = [];
    const note = (name: string, revision: Revision) => () => {
      expect(catalog.durable.revision).toBe(revision);
      woken.push(name);
    };
    const committed = ['a', 'b', 'c'].map((name) => ({ name, tx: put(catalog, name, '1') }));
    for (const { name, tx } of [...committed].reverse()) tx.whenDurable(note(name, tx.revision));
    await world.run(new Promise<void>((resolve) => catalog.whenDurable(resolve)));
    expect(woken).toEqual(['a', 'b', 'c']);
  });

  it('goes on although a callback throws, and may begin the next transaction', async () => {
    const { world, catalog } = await openOne();
    put(catalog, 'a', '1').whenDurable(() => {
      put(catalog, 'b', '2');
      throw new Error('of its own');
    });
    await world.run(put(catalog, 'c', '3').durable());
    await world.run(new Promise<void>((resolve) => catalog.whenDurable(resolve)));
    expect(settings(catalog.durable)).toEqual({ a: '1', b: '2', c: '3' });
    expect(world.simulation.logLines.map(({ message }) => message)).toContain(
      'a callback of the catalog threw',
    );
  });

  it('race P14: a failed write ends the process, and nothing was shown that is not durable', async () => {
    const { world, catalog, node } = await openOne();
    await world.run(put(catalog, 'a', '1').durable());
    world.simulation.machine().drive.faults.failNext('write', { where: 'catalog__1' });
    const seen: string[] = [];
    catalog.watch(settingKind, ({ key }) => seen.push(key[0]));
    put(catalog, 'b', '2').whenDurable(() => seen.push('woken'));
    await world.simulation.runFor(1000);
    expect(node.exited?.reason).toMatch(/the catalog's log of epoch 1 failed/);
    expect(settings(catalog.durable)).toEqual({ a: '1' });
    expect(seen).toEqual([]);
    expect(() => put(catalog, 'c', '3')).toThrow(/closed/);
    const next = await world.open();
    expect(settings(next.catalog.durable)).toEqual({ a: '1' });
  });
});

describe('a held revision', () => {
  it('stays as it was while the catalog goes on, until it is released', async () => {
    const { world, catalog } = await openOne();
    await world.run(put(catalog, 'a', '1').durable());
    const held = catalog.at();
    const again = catalog.at(held.revision);
    await world.run(put(catalog, 'a', '2').durable());
    await world.run(put(catalog, 'b', '3').durable());
    expect(settings(held)).toEqual({ a: '1' });
    expect(settings(catalog.durable)).toEqual({ a: '2', b: '3' });
    expect(catalog.oldestHeld).toBe(held.revision);
    held.release();
    held.release();
    expect(settings(again)).toEqual({ a: '1' });
    expect(catalog.oldestHeld).toBe(held.revision);
    again.release();
    expect(catalog.oldestHeld).toBeUndefined();
    expect(() => catalog.at(held.revision)).toThrow(/is not held/);
  });
});

describe('a watch', () => {
  it('tells each change of its kind once it is durable, in log order, until it is stopped', async () => {
    const { world, catalog } = await openOne();
    const seen: unknown[] = [];
    const watch = catalog.watch(settingKind, ({ key, before, after, revision }) => {
      expect(catalog.durable.revision).toBe(revision);
      seen.push([key[0], before, after]);
    });
    put(catalog, 'a', '1');
    catalog.transact((tx) => {
      tx.put(settingKind, ['a'], '2');
      tx.put(settingKind, ['b'], '1');
    });
    const last = catalog.transact((tx) => {
      tx.delete(settingKind, ['a']);
    });
    expect(seen).toEqual([]);
    await world.run(last.durable());
    expect(seen).toEqual([
      ['a', undefined, '1'],
      ['a', '1', '2'],
      ['b', undefined, '1'],
      ['a', '2', undefined],
    ]);
    watch.stop();
    await world.run(put(catalog, 'c', '1').durable());
    expect(seen).toHaveLength(4);
  });
});

describe('ids', () => {
  it('are never given twice, not after a failed transaction, nor after a restart (L5)', async () => {
    const world = new SimulatedCatalog();
    const given = new Set<number>();
    for (let reign = 0; reign < 3; reign++) {
      const { catalog, node } = await world.open();
      for (let i = 0; i < 1500; i++) {
        const id = catalog.transact((tx) => catalog.ids.allocate(tx)).value;
        expect(given.has(id)).toBe(false);
        given.add(id);
        if (i % 100 !== 0) continue;
        expect(() =>
          catalog.transact((tx) => {
            given.add(catalog.ids.allocate(tx));
            throw new Error('no');
          }),
        ).toThrow('no');
      }
      await world.run(new Promise<void>((resolve) => catalog.whenDurable(resolve)));
      node.kill();
    }
  });
});

describe('a record that cannot be decoded', () => {
  /** As a later version of Cadastre would write it. */
  const laterSetting = defineKind<readonly [name: string], string>({
    name: 'setting',
    type: settingKind.type,
    version: 2,
    shape: ['string'],
    onRestore: 'keep',
    temperature: 'hot',
    encode: (value) => Buffer.from(value),
    decode: (_version, bytes) => Buffer.from(bytes).toString(),
  });

  it('is quarantined, listed, kept by checkpoints, and stops nothing else (L10)', async () => {
    const world = new SimulatedCatalog();
    const first = await world.open();
    put(first.catalog, 'a', '1');
    const written = first.catalog.transact((tx) => {
      tx.put(laterSetting, ['b'], 'from the future');
    });
    await world.run(written.durable());
    first.node.kill();

    for (const reign of ['from the log', 'from a checkpoint']) {
      const { catalog, node } = await world.open();
      expect(catalog.quarantined, reign).toEqual([
        {
          key: 'setting/b',
          type: settingKind.type,
          version: 2,
          bytes: 15,
          reason: 'its version is 2, this software knows 1',
        },
      ]);
      expect(settings(catalog.tail)).toEqual({ a: '1' });
      expect(() => catalog.tail.get(settingKind, ['b'])).toThrow(/setting\/b is quarantined/);
      expect(catalog.references.isComplete).toBe(true);
      await world.run(catalog.checkpoint());
      node.kill();
    }

    const last = await world.open();
    await world.run(put(last.catalog, 'b', 'repaired').durable());
    expect(last.catalog.quarantined).toEqual([]);
    expect(settings(last.catalog.durable)).toEqual({ a: '1', b: 'repaired' });
  });
});
