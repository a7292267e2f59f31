// The conformance suite that every ObjectStore passes: object-store.ts, sentence by sentence.
//
// `drive` lets time go on while the work runs: a simulated store needs its simulation for that.

import { describe, expect, it } from 'vitest';
import { CadastreError } from '../../base/errors.js';
import type { ObjectStore } from '../object-store.js';

export interface StoreUnderTest {
  readonly objects: ObjectStore;
  /** The same objects through another process. */
  readonly others: ObjectStore;
  readonly drive: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Declares the tests; `open` makes an empty store for each. */
export function objectStoreSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  const proves = (
    sentence: string,
    work: (store: ObjectStore, others: ObjectStore) => Promise<void>,
  ): void => {
    it(sentence, async () => {
      const { objects, others, drive } = await open();
      await drive(() => work(objects, others));
    });
  };
  describe(name, () => {
    creating(proves);
    replacing(proves);
    reading(proves);
    listing(proves);
    keys(proves);
  });
}

type Proves = (
  sentence: string,
  work: (store: ObjectStore, others: ObjectStore) => Promise<void>,
) => void;

function creating(proves: Proves): void {
  proves('a created object is read back by every process, whole', async (store, others) => {
    const bytes = pattern(100_000);
    await store.create('data/ab/1-1-store', bytes);
    expect((await store.get('data/ab/1-1-store')).equals(bytes)).toBe(true);
    expect((await others.get('data/ab/1-1-store')).equals(bytes)).toBe(true);
  });

  proves('an empty object is an object', async (store) => {
    await store.create('empty', Buffer.alloc(0));
    expect(await store.get('empty')).toHaveLength(0);
    expect(await store.head('empty')).toEqual({ key: 'empty', bytes: 0 });
  });

  proves('a second create fails and changes nothing', async (store, others) => {
    await store.create('a', Buffer.from('first'));
    await expect(others.create('a', Buffer.from('second'))).rejects.toMatchObject({
      code: 'object-exists',
    });
    expect((await store.get('a')).toString()).toBe('first');
  });

  proves('of many concurrent creates exactly one succeeds', async (store, others) => {
    const attempts = Array.from({ length: 16 }, async (_, index) => {
      const by = index % 2 === 0 ? store : others;
      try {
        await by.create('register/1', Buffer.from(`writer ${index}`));
        return `writer ${index}`;
      } catch (error) {
        expect(error).toMatchObject({ code: 'object-exists' });
        return undefined;
      }
    });
    const winners = (await Promise.all(attempts)).filter((winner) => winner !== undefined);
    expect(winners).toEqual([(await others.get('register/1')).toString()]);
  });

  proves('what a writer writes is invisible before it finishes', async (store, others) => {
    const writer = await store.createWriter('big');
    await writer.write(pattern(70_000));
    expect(await others.head('big')).toBeUndefined();
    expect(await others.list('')).toEqual([]);
    await writer.write(Buffer.from('end'));
    await writer.finish();
    const whole = Buffer.concat([pattern(70_000), Buffer.from('end')]);
    expect((await others.get('big')).equals(whole)).toBe(true);
  });

  proves('a writer that finds its key taken changes nothing', async (store, others) => {
    const writer = await store.createWriter('big');
    await writer.write(Buffer.from('mine'));
    await others.create('big', Buffer.from('theirs'));
    await expect(writer.finish()).rejects.toMatchObject({ code: 'object-exists' });
    expect((await store.get('big')).toString()).toBe('theirs');
  });

  proves('an aborted writer leaves nothing', async (store) => {
    const writer = await store.createWriter('big');
    await writer.write(Buffer.from('gone'));
    await writer.abort();
    expect(await store.head('big')).toBeUndefined();
    await store.create('big', Buffer.from('other'));
  });
}

function replacing(proves: Proves): void {
  proves('a put creates or replaces, for every reader', async (store, others) => {
    await store.put('alive/1', pattern(10));
    expect(await others.get('alive/1', { start: 0, end: 4 })).toHaveLength(4);
    await store.put('alive/1', Buffer.from('longer than before'));
    expect((await store.get('alive/1')).toString()).toBe('longer than before');
    expect((await store.get('alive/1', { start: 0, end: 6 })).toString()).toBe('longer');
    expect((await others.get('alive/1')).toString()).toBe('longer than before');
  });

  proves('deleted objects are gone, and deleting them again is no error', async (store, others) => {
    await store.create('a/1', pattern(10));
    await store.create('a/2', pattern(10));
    await store.get('a/1', { start: 0, end: 5 });
    await store.delete(['a/1', 'a/3', 'b/1']);
    await store.delete(['a/1']);
    await expect(store.get('a/1', { start: 0, end: 5 })).rejects.toMatchObject({
      code: 'object-missing',
    });
    await expect(others.get('a/1')).rejects.toMatchObject({ code: 'object-missing' });
    expect(await others.list('a/')).toEqual([{ key: 'a/2', bytes: 10 }]);
    await store.create('a/1', Buffer.from('again'));
    expect((await store.get('a/1', { start: 0, end: 5 })).toString()).toBe('again');
  });
}

function reading(proves: Proves): void {
  proves('a range is cut at the end of the object', async (store) => {
    const bytes = pattern(1_000);
    await store.create('a', bytes);
    const ranges = [
      [0, 10],
      [990, 2_000],
      [1_000, 1_001],
      [5_000, 6_000],
      [7, 7],
      [0, Number.MAX_SAFE_INTEGER],
    ] as const;
    for (const [start, end] of ranges) {
      expect(await store.get('a', { start, end })).toEqual(bytes.subarray(start, end));
    }
  });

  proves('many reads of many objects at once do not mix', async (store) => {
    const names = Array.from({ length: 20 }, (_, index) => `data/${index}`);
    await Promise.all(names.map((key, index) => store.create(key, Buffer.alloc(100, index))));
    const reads = Array.from({ length: 200 }, async (_, index) => {
      const chosen = index % names.length;
      const bytes = await store.get(names[chosen] ?? '', { start: index % 50, end: 90 });
      expect(bytes).toEqual(Buffer.alloc(90 - (index % 50), chosen));
    });
    await Promise.all(reads);
  });

  proves('a missing object is named in the error, and has no head', async (store) => {
    for (const range of [undefined, { start: 0, end: 1 }]) {
      const reading = range === undefined ? store.get('no/where') : store.get('no/where', range);
      const error = await reading.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CadastreError);
      expect(error).toMatchObject({ code: 'object-missing' });
      expect(String(error)).toContain('no/where');
    }
    expect(await store.head('no/where')).toBeUndefined();
  });
}

function listing(proves: Proves): void {
  proves('a list is in the order of the whole keys, over folders', async (store) => {
    const unsorted = ['b', 'a/c', 'a-b', 'a0', 'a/b/c', 'a/b-c', 'a.b', 'a/b0', '_', 'a/B'];
    for (const key of unsorted) await store.create(key, Buffer.from(key));
    const expected = [...unsorted].sort((left, right) => (left < right ? -1 : 1));
    expect(await keysOf(store, '')).toEqual(expected);
    for (const prefix of ['a', 'a/', 'a/b', 'a/b/', 'b', 'c', 'a/b/c', 'a/b/c/', 'x/y/']) {
      const matching = expected.filter((key) => key.startsWith(prefix));
      expect(await keysOf(store, prefix), prefix).toEqual(matching);
    }
    for (const after of [...expected, 'a/', 'a/b/', 'a/b/zz', '0', 'zz']) {
      const later = expected.filter((key) => key > after);
      expect(await keysOf(store, '', after), after).toEqual(later);
    }
    expect(await keysOf(store, 'a/', 'a/b-c', 2)).toEqual(['a/b/c', 'a/b0']);
  });

  proves('pages followed by the last key seen give every object once', async (store) => {
    const names = Array.from({ length: 45 }, (_, index) => `x/${index % 3}/${index}`);
    await Promise.all(names.map((key) => store.create(key, Buffer.from('.'))));
    const seen: string[] = [];
    for (;;) {
      const page = await keysOf(store, 'x/', seen.at(-1), 7);
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(7);
      seen.push(...page);
    }
    expect(seen).toEqual(names.sort((left, right) => (left < right ? -1 : 1)));
  });
}

function keys(proves: Proves): void {
  const bad = ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/.', 'ä', 'a b', 'a\0', 'a\\b'];
  for (const key of [...bad, 'x'.repeat(300), 'abc/'.repeat(400) + 'd']) {
    const shown = key.length > 20 ? `of ${key.length} bytes` : JSON.stringify(key);
    proves(`a key ${shown} is refused by every operation`, async (store) => {
      const refused = { code: 'bad-request' };
      await expect(store.create(key, Buffer.alloc(1))).rejects.toMatchObject(refused);
      await expect(store.put(key, Buffer.alloc(1))).rejects.toMatchObject(refused);
      await expect(store.createWriter(key)).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.delete([key])).rejects.toMatchObject(refused);
    });
  }

  proves('no key becomes a path prefix of another one', async (store) => {
    await store.create('a/b', Buffer.from('.'));
    const refused = { code: 'bad-request' };
    for (const key of ['a', 'a/b/c', 'a/b/c/d']) {
      await expect(store.create(key, Buffer.from('.')), key).rejects.toMatchObject(refused);
      await expect(store.put(key, Buffer.from('.')), key).rejects.toMatchObject(refused);
      expect(await store.head(key)).toBeUndefined();
      await expect(store.get(key)).rejects.toMatchObject({ code: 'object-missing' });
    }
    expect(await keysOf(store, '')).toEqual(['a/b']);
  });
}

async function keysOf(
  store: ObjectStore,
  prefix: string,
  after?: string,
  limit?: number,
): Promise<readonly string[]> {
  return (await store.list(prefix, after, limit)).map((info) => info.key);
}

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}
