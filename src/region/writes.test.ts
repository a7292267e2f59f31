import { describe, expect, it } from 'vitest';
import { CellType } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import type { Condition, CompareOperator } from '../base/operations.js';
import { familyDescriptor } from '../base/table.js';
import type { MutateOutcome } from './api.js';
import { RegionRig, show, startMs } from './testing/region-rig.js';
import {
  amount,
  append,
  cellAt,
  deleteOf,
  get,
  increment,
  put,
  putOf,
  scan,
} from './testing/requests.js';

async function opened(settings: Readonly<Record<string, string>> = {}): Promise<RegionRig> {
  const families = [familyDescriptor('f', { versionsMax: 3 }), familyDescriptor('g')];
  const rig = new RegionRig({ families, settings, startKey: 'b', endKey: 'x' });
  await rig.open();
  return rig;
}

/** HBase's BinaryComparator: field 1 is a ByteArrayComparable, whose field 1 is the value. */
function valueIs(operator: CompareOperator, value: string): Condition {
  const inner = Buffer.from([0x0a, value.length, ...Buffer.from(value)]);
  return {
    kind: 'value',
    row: Buffer.from('r'),
    family: Buffer.from('f'),
    qualifier: Buffer.from('q'),
    operator,
    comparator: {
      name: 'org.apache.hadoop.hbase.filter.BinaryComparator',
      body: Buffer.from([0x0a, inner.length, ...inner]),
    },
    timeRange: undefined,
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return (error as CadastreError).code;
  }
}

describe('a write', () => {
  it('is not visible before it is durable, and acknowledged in order (L4)', async () => {
    const rig = await opened();
    rig.log.isHeld = true;
    const done: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      rig.region.mutate(put('r', 'f:q', name), undefined, () => done.push(name));
    }
    expect(await rig.get(get('r'))).toEqual([]);
    rig.log.settle(2);
    expect(done).toEqual(['one', 'two']);
    expect((await rig.get(get('r'))).map((text) => text.split('=')[1])).toEqual(['two']);
    rig.log.settle();
    expect(done).toEqual(['one', 'two', 'three']);
  });

  it('that comes right after a delete in the same millisecond does not vanish', async () => {
    const rig = await opened();
    for (let i = 0; i < 3; i++) {
      await rig.mutate(put('r', 'f:q', `put ${i}`));
      await rig.mutate(deleteOf('r', [cellAt('r', 'f:q', '', { type: CellType.deleteColumn })]));
      expect(await rig.get(get('r'))).toEqual([]);
    }
    await rig.mutate(put('r', 'f:q', 'last'));
    expect(await rig.get(get('r'))).toEqual([`r/f:q/${startMs + 3}/4=last`]);
    // Both in one atomic edit, too.
    await rig.mutate([deleteOf('r'), put('r', 'f:q', 'new')]);
    expect((await rig.get(get('r'))).map((text) => text.split('=')[1])).toEqual(['new']);
  });

  it('of several cells of one column keeps the last of them', async () => {
    const rig = await opened();
    await rig.mutate(putOf('r', cellAt('r', 'f:q', '1'), cellAt('r', 'f:q', '2')));
    await new Promise((done) =>
      rig.region.mutateMany([put('s', 'f:q', '1'), put('s', 'f:q', '2')], done),
    );
    const all = { versionsMax: 9 };
    expect(await rig.get(get('r', all))).toEqual([`r/f:q/${startMs}/4=2`]);
    expect(await rig.get(get('s', all))).toEqual([`s/f:q/${startMs}/4=2`]);
    await rig.crash();
    expect(await rig.get(get('r', all))).toEqual([`r/f:q/${startMs}/4=2`]);
  });

  it('is refused by name for what is wrong with it', async () => {
    const rig = await opened({ 'hbase.client.keyvalue.maxsize': '1024' });
    expect(await codeOf(rig.mutate(put('a', 'f:q', '')))).toBe('row-outside-region');
    expect(await codeOf(rig.mutate(put('x', 'f:q', '')))).toBe('row-outside-region');
    expect(await codeOf(rig.mutate(put('r', 'h:q', '')))).toBe('family-not-found');
    expect(await codeOf(rig.mutate(put('r', 'f:q', 'v'.repeat(1024))))).toBe('cell-too-large');
    expect(await codeOf(rig.mutate(put('r'.repeat(32_768), 'f:q', '')))).toBe('bad-request');
    expect(await codeOf(rig.mutate(putOf('r')))).toBe('bad-request');
    expect(await codeOf(rig.mutate([put('r', 'f:q', ''), put('s', 'f:q', '')]))).toBe(
      'bad-request',
    );
    expect(await codeOf(rig.get(get('a')))).toBe('wrong-region');
    const family = { family: Buffer.from('h'), qualifiers: [] };
    expect(await codeOf(rig.get(get('r', { families: [family] })))).toBe('family-not-found');
    expect(await rig.scan(scan())).toEqual([]);
  });

  it('names the cell and the limit when it is too large', async () => {
    const rig = await opened({ 'hbase.client.keyvalue.maxsize': '1024' });
    await expect(rig.mutate(put('r', 'f:q', 'v'.repeat(2000)))).rejects.toThrow(
      /Cell\[r\/f:q\] with size \d+ exceeds limit of 1024 bytes/,
    );
  });

  it('is refused as too busy above the memory limits, and taken again after a flush', async () => {
    const rig = await opened({
      'hbase.hregion.memstore.flush.size': '64k',
      'cadastre.memstore.bytes': '4m',
    });
    rig.log.isHeld = true;
    const refused = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      rig.region.mutate(put(`r${i}`, 'f:q', 'v'.repeat(1000)), undefined, (error) => {
        if (error !== undefined) refused.add(error.code);
      });
    }
    expect([...refused]).toEqual(['region-too-busy']);
    rig.log.settle();
    rig.log.isHeld = false;
    await rig.idle();
    await rig.mutate(put('r', 'f:q', 'again'));
  });

  it('without the log is visible after those before it, and lost by a crash', async () => {
    const rig = await opened();
    await rig.mutate({ ...put('r', 'f:q', 'skipped'), durability: 'skip' });
    expect(await rig.get(get('r'))).toHaveLength(1);
    await rig.crash();
    expect(await rig.get(get('r'))).toEqual([]);
  });
});

describe('many mutations', () => {
  it('have outcomes of their own, in order', async () => {
    const rig = await opened();
    const outcomes = await new Promise<readonly MutateOutcome[]>((resolve) =>
      rig.region.mutateMany(
        [
          put('r', 'f:n', 'x'),
          put('a', 'f:q', ''),
          increment('s', 'f:n', 2),
          put('t', 'h:q', ''),
          increment('s', 'f:n', 3),
          increment('r', 'f:n', 1),
          deleteOf('t'),
        ],
        resolve,
      ),
    );
    const shown = outcomes.map((outcome) =>
      'code' in outcome ? outcome.code : outcome.cells.map((cell) => cell.value.readInt32BE(4)),
    );
    expect(shown).toEqual([
      [],
      'row-outside-region',
      [2],
      'family-not-found',
      [5],
      'bad-request',
      [],
    ]);
  });

  it('of nothing are done at once', async () => {
    const rig = await opened();
    await new Promise<void>((resolve) => rig.region.mutateMany([], () => resolve()));
  });
});

describe('deletes', () => {
  it('take one version, the newest, a column, a family, or the row', async () => {
    const rig = await opened();
    for (const [i, value] of ['1', '2', '3'].entries()) {
      await rig.mutate(put('r', 'f:q', value, 100 + i));
    }
    await rig.mutate(put('r', 'g:q', 'g', 100));
    const values = async (): Promise<string[]> =>
      (await rig.get(get('r', { versionsMax: 9 }))).map((text) => text.split('=')[1] ?? '');
    const marker = (column: string, type: CellType, timestamp?: number) =>
      deleteOf('r', [
        cellAt('r', column, '', timestamp === undefined ? { type } : { type, timestamp }),
      ]);
    await rig.mutate(marker('f:q', CellType.delete));
    expect(await values()).toEqual(['2', '1', 'g']);
    await rig.region.flush();
    await rig.mutate(marker('f:q', CellType.delete));
    expect(await values()).toEqual(['1', 'g']);
    await rig.mutate(marker('f:', CellType.deleteFamilyVersion, 100));
    expect(await values()).toEqual(['g']);
    await rig.mutate(put('r', 'f:q', 'new', 200));
    await rig.mutate(marker('f:', CellType.deleteFamily, 150));
    expect(await values()).toEqual(['new', 'g']);
    await rig.mutate(deleteOf('r', [], 150));
    expect(await values()).toEqual(['new']);
    await rig.mutate(deleteOf('r'));
    expect(await values()).toEqual([]);
  });
});

describe('increment and append', () => {
  it('build on the newest value, in memory or in a file', async () => {
    const rig = await opened();
    const first = await rig.mutate(increment('r', 'f:n', 5));
    expect(first.cells.map((cell) => cell.value)).toEqual([amount(5)]);
    await rig.region.flush();
    const second = await rig.mutate(increment('r', 'f:n', -7));
    expect(second.cells.map((cell) => cell.value)).toEqual([amount(-2)]);
    await rig.mutate(append('r', 'f:s', 'ab'));
    const appended = await rig.mutate(append('r', 'f:s', 'cd'));
    expect(appended.cells.map((cell) => cell.value.toString())).toEqual(['abcd']);
    const quiet = await rig.mutate({ ...append('r', 'f:s', '!'), returnResult: false });
    expect(quiet.cells).toEqual([]);
  });

  it('change several columns in one edit', async () => {
    const rig = await opened();
    const cells = [cellAt('r', 'f:a', amount(1)), cellAt('r', 'g:b', amount(2))];
    await rig.mutate({ ...increment('r', 'f:a', 0), cells });
    const { cells: made } = await rig.mutate({ ...increment('r', 'f:a', 0), cells });
    expect(made.map((cell) => cell.value)).toEqual([amount(2), amount(4)]);
    expect(rig.region.readPoint).toBe(rig.region.openSequence + 2);
  });

  it('refuse what is no 64-bit number', async () => {
    const rig = await opened();
    await rig.mutate(put('r', 'f:n', 'abc'));
    await expect(rig.mutate(increment('r', 'f:n', 1))).rejects.toThrow(
      "Field is not a long, it's 3 bytes wide",
    );
    await rig.mutate(put('r', 'f:n', 'back'));
  });

  it('of one row wait for each other when the value is in a file that must be read', async () => {
    const rig = await opened({ 'cadastre.block.cache.bytes': '1m' });
    await rig.mutate(increment('r', 'f:n', 1));
    await rig.region.flush();
    const made = await Promise.all(
      Array.from({ length: 20 }, () => rig.mutate(increment('r', 'f:n', 1))),
    );
    expect(made.map(({ cells }) => cells[0]?.value.readInt32BE(4))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 2),
    );
  });

  it('read what is not durable yet, and answer after it (L4)', async () => {
    const rig = await opened();
    rig.log.isHeld = true;
    const answers: number[] = [];
    for (let i = 0; i < 3; i++) {
      rig.region.mutate(increment('r', 'f:n', 1), undefined, (_, result) => {
        answers.push(result?.cells[0]?.value.readInt32BE(4) ?? -1);
      });
    }
    expect(answers).toEqual([]);
    rig.log.settle(2);
    expect(answers).toEqual([1, 2]);
    rig.log.settle();
    expect(answers).toEqual([1, 2, 3]);
  });

  it('wins over a newer timestamp that was given by hand', async () => {
    const rig = await opened();
    await rig.mutate(putOf('r', cellAt('r', 'f:n', amount(1), { timestamp: startMs + 5000 })));
    await rig.mutate(increment('r', 'f:n', 1));
    const [text] = await rig.get(get('r'));
    expect(text).toContain(`/${startMs + 5000}/4=`);
    const { cells } = await rig.mutate(increment('r', 'f:n', 1));
    expect(cells[0]?.value).toEqual(amount(3));
  });
});

describe('a condition', () => {
  const cases: readonly (readonly [CompareOperator, string, string | undefined, boolean])[] = [
    ['equal', '5', '5', true],
    ['equal', '4', '5', false],
    ['not-equal', '4', '5', true],
    ['less', '4', '5', true],
    ['less', '5', '5', false],
    ['less-or-equal', '5', '5', true],
    ['greater', '6', '5', true],
    ['greater-or-equal', '5', '5', true],
    ['equal', '', undefined, true],
    ['not-equal', '', undefined, false],
    ['not-equal', '', '5', true],
    ['equal', '', '5', false],
    ['equal', '', '', true],
    ['equal', '5', undefined, false],
    ['not-equal', '5', undefined, false],
  ];
  for (const [operator, given, stored, holds] of cases) {
    it(`${JSON.stringify(given)} ${operator} ${JSON.stringify(stored) ?? 'nothing'} is ${holds}`, async () => {
      const rig = await opened();
      if (stored !== undefined) await rig.mutate(put('r', 'f:q', stored));
      const { processed } = await rig.mutate(put('r', 'g:q', 'done'), valueIs(operator, given));
      expect(processed).toBe(holds);
      const written = await rig.get(
        get('r', { families: [{ family: Buffer.from('g'), qualifiers: [] }] }),
      );
      expect(written).toHaveLength(holds ? 1 : 0);
    });
  }

  it('covers several mutations, all or none', async () => {
    const rig = await opened();
    await rig.mutate(put('r', 'f:q', '1'));
    const change = [
      put('r', 'g:a', 'x'),
      increment('r', 'f:n', 1),
      deleteOf('r', [cellAt('r', 'f:q', '', { type: CellType.deleteColumn })]),
    ];
    expect((await rig.mutate(change, valueIs('equal', '2'))).processed).toBe(false);
    expect(await rig.get(get('r'))).toHaveLength(1);
    const { processed, cells } = await rig.mutate(change, valueIs('equal', '1'));
    expect(processed).toBe(true);
    expect(cells.map(show)).toEqual([`r/f:n/${startMs}/4=${amount(1).toString('latin1')}`]);
    expect((await rig.get(get('r'))).map((text) => text.split('/')[1])).toEqual(['f:n', 'g:a']);
  });

  it('that does not hold is answered only when what it saw is durable (L4)', async () => {
    const rig = await opened();
    rig.log.isHeld = true;
    rig.region.mutate(put('r', 'f:q', '1'), undefined, () => undefined);
    let answer: boolean | undefined;
    rig.region.mutate(put('r', 'f:q', '2'), valueIs('equal', '0'), (_, result) => {
      answer = result?.processed;
    });
    expect(answer).toBeUndefined();
    rig.log.settle();
    expect(answer).toBe(false);
  });
});
