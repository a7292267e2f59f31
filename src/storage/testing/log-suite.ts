// What every kind of fenced log keeps: the conformance suite of `log.ts`.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogStore } from '../log.js';
import { appendDurably, failureOf, readPositions, readTexts, someTexts } from './log-helpers.js';

/** Storage with logs, seen by any number of processes. */
export interface LogWorld {
  /** The logs as one more process sees them. */
  open(): LogStore;
  /** Runs `work`, and the world around it. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  dispose(): Promise<void>;
}

export function logSuite(label: string, makeWorld: () => Promise<LogWorld>): void {
  describe(`fenced log: ${label}`, () => {
    let world: LogWorld;
    beforeEach(async () => {
      world = await makeWorld();
    });
    afterEach(() => world.dispose());
    const its = (name: string, story: (logs: LogStore) => Promise<void>): void => {
      it(name, () => world.run(() => story(world.open())));
    };
    appending(its);
    reading(its);
    naming(its, () => world.open());
    sealing(its, () => world.open());
    sealingInRaces(its, () => world.open());
    releasing(its, () => world.open());
  });
}

type Its = (name: string, story: (logs: LogStore) => Promise<void>) => void;

function appending(its: Its): void {
  its('gives back what was appended, byte for byte and in order', async (logs) => {
    const writer = await logs.create('a');
    const texts = ['', ...someTexts(200), 'é\u0000ÿ'];
    expect(await appendDurably(writer, texts)).toEqual(texts.map((_, i) => i + 1));
    expect(writer.durable).toBe(texts.length);
    expect(await readTexts(logs, 'a')).toEqual(texts);
  });

  its('joins the parts of a record, which the caller may change at once', async (logs) => {
    const writer = await logs.create('a');
    const part = Buffer.from('abc');
    const number = writer.append(part, Buffer.from('-'), part);
    part.fill('z');
    await new Promise<void>((resolve) => writer.whenDurable(number, resolve));
    expect(await readTexts(logs, 'a')).toEqual(['abc-abc']);
  });

  its('carries records larger than a segment', async (logs) => {
    const writer = await logs.create('a');
    const texts = ['small', 'L'.repeat(300_000), 'small again', 'M'.repeat(90_000)];
    for (const text of texts) await appendDurably(writer, [text]);
    expect(await readTexts(logs, 'a')).toEqual(texts);
  });

  its('refuses a record beyond the limit and goes on', async (logs) => {
    const writer = await logs.create('a');
    const tooLarge = Buffer.alloc(32 * 1024 * 1024 + 1);
    expect(() => writer.append(tooLarge)).toThrow(/33554433 bytes/);
    await appendDurably(writer, ['fine']);
    expect(await readTexts(logs, 'a')).toEqual(['fine']);
  });

  its('acknowledges in order, and at once what is durable already', async (logs) => {
    const writer = await logs.create('a');
    const acknowledged: number[] = [];
    for (let i = 0; i < 50; i++) {
      const number = writer.append(Buffer.from(`${i}`));
      writer.whenDurable(number, () => acknowledged.push(number));
    }
    await appendDurably(writer, ['last']);
    expect(acknowledged).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    writer.whenDurable(7, () => acknowledged.push(7));
    expect(acknowledged.at(-1)).toBe(7);
  });

  its('takes nothing after it was closed, and closes after what it took', async (logs) => {
    const writer = await logs.create('a');
    writer.append(Buffer.from('taken'));
    await writer.close();
    expect(() => writer.append(Buffer.from('too late'))).toThrow(/closed/);
    expect(await readTexts(logs, 'a')).toEqual(['taken']);
    expect((await logs.seal('a')).sequence).toBe(2);
  });
}

function reading(its: Its): void {
  its('reads from any record, until any record', async (logs) => {
    const writer = await logs.create('a');
    const texts = someTexts(40);
    for (let i = 0; i < texts.length; i += 4) await appendDurably(writer, texts.slice(i, i + 4));
    const positions = await readPositions(logs, 'a');
    for (const number of [2, 5, 6, 23, 40, 41]) {
      const position = positions.get(number);
      if (position === undefined) throw new Error(`record ${number} has no position`);
      expect(position.sequence).toBe(number);
      expect(await readTexts(logs, 'a', { from: position })).toEqual(texts.slice(number - 1));
      expect(await readTexts(logs, 'a', { until: position })).toEqual(texts.slice(0, number - 1));
    }
  });

  its('knows the position of the next record before it is written', async (logs) => {
    const writer = await logs.create('a');
    await appendDurably(writer, someTexts(30));
    writer.append(Buffer.from('queued'));
    const { position } = writer;
    expect(position.sequence).toBe(32);
    await appendDurably(writer, ['here', 'and on']);
    expect(await readTexts(logs, 'a', { from: position })).toEqual(['here', 'and on']);
  });
}

function naming(its: Its, another: () => LogStore): void {
  its('lists names by prefix, and knows no others', async (logs) => {
    for (const name of ['catalog/2', 'catalog/10', '7', 'cat']) await logs.create(name);
    expect(await logs.list('catalog/')).toEqual(['catalog/10', 'catalog/2']);
    expect(await logs.list('')).toEqual(['7', 'cat', 'catalog/10', 'catalog/2']);
    const missing = await failureOf(readTexts(logs, 'catalog/3'));
    expect(missing).toMatchObject({ code: 'object-missing' });
  });

  its('refuses names that could leave their place', async (logs) => {
    for (const name of ['', '..', 'a/../b', '/a', 'a/', 'a_b', 'a b', 'x'.repeat(201)]) {
      expect(await failureOf(logs.create(name))).toMatchObject({ code: 'bad-request' });
    }
  });

  its('makes a log once, whoever tries at the same time (R-L5)', async (logs) => {
    const tries = await Promise.allSettled([
      logs.create('a'),
      another().create('a'),
      another().create('a'),
    ]);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await failureOf(another().create('a'))).toMatchObject({ code: 'object-exists' });
  });
}

function sealing(its: Its, another: () => LogStore): void {
  its('gives every sealer and every reader the same end', async (logs) => {
    const writer = await logs.create('a');
    await appendDurably(writer, someTexts(20));
    expect(await logs.end('a')).toBeUndefined();
    const ends = await Promise.all([logs.seal('a'), another().seal('a'), another().seal('a')]);
    expect(ends[0].sequence).toBe(21);
    expect(ends).toEqual([ends[0], ends[0], ends[0]]);
    expect(await another().seal('a')).toEqual(ends[0]);
    expect(await another().end('a')).toEqual(ends[0]);
    expect(await readTexts(another(), 'a')).toEqual(someTexts(20));
  });

  its('seals an empty log', async (logs) => {
    await logs.create('a');
    expect((await logs.seal('a')).sequence).toBe(1);
    expect(await readTexts(logs, 'a')).toEqual([]);
  });

  its(
    'race W2: after the seal nothing is acknowledged, and the writer is told once',
    async (logs) => {
      const writer = await logs.create('a');
      await appendDurably(writer, ['before']);
      const failures: unknown[] = [];
      writer.onFailure((error) => failures.push(error));
      const { sequence } = await another().seal('a');
      const failure = await failureOf(appendDurably(writer, ['after']));
      expect(failure).toMatchObject({ code: 'sealed', kind: 'fenced' });
      expect(failures).toEqual([failure]);
      expect(writer.isUnsealed()).toBe(false);
      expect(writer.durable).toBe(1);
      expect(sequence).toBe(2);
      expect(() => writer.append(Buffer.from('again'))).toThrow(/sealed/);
      expect(await readTexts(logs, 'a')).toEqual(['before']);
    },
  );
}

function sealingInRaces(its: Its, another: () => LogStore): void {
  its(
    'race W2: a record in flight at the seal is acknowledged and there, or neither',
    async (logs) => {
      const writer = await logs.create('a');
      let acknowledged = 0;
      let isSealed = false;
      const next = (): void => {
        if (writer.durable > 0) acknowledged = writer.durable;
        if (!isSealed) writer.whenDurable(writer.append(Buffer.from('x')), next);
      };
      next();
      await appendDurably(writer, someTexts(10));
      const ends = await Promise.all([another().seal('a'), another().seal('a')]);
      isSealed = true;
      expect(ends[0]).toEqual(ends[1]);
      expect(acknowledged).toBeGreaterThan(0);
      expect(acknowledged).toBeLessThan(ends[0].sequence);
      expect(await readTexts(logs, 'a')).toHaveLength(ends[0].sequence - 1);
    },
  );

  its('race A20: sealing a log that nobody has made yet keeps it from being made', async (logs) => {
    expect((await another().seal('catalog/6')).sequence).toBe(1);
    expect(await failureOf(logs.create('catalog/6'))).toMatchObject({ code: 'object-exists' });
    expect(await readTexts(logs, 'catalog/6')).toEqual([]);
  });

  its('race A20: a log is made and sealed at once by two processes', async (logs) => {
    const [created, end] = await Promise.allSettled([logs.create('a'), another().seal('a')]);
    expect(end).toMatchObject({ value: { sequence: 1 } });
    if (created.status === 'fulfilled') {
      const failure = await failureOf(appendDurably(created.value, ['never']));
      expect(failure).toMatchObject({ code: 'sealed' });
    }
    expect(await readTexts(logs, 'a')).toEqual([]);
  });
}

function releasing(its: Its, another: () => LogStore): void {
  its(
    'race W3: sealed, released whole, then the writer wakes: nothing is acknowledged',
    async (logs) => {
      const writer = await logs.create('a');
      await appendDurably(writer, someTexts(100, 400));
      const end = await another().seal('a');
      await another().release('a', end);
      expect(await failureOf(appendDurably(writer, ['z']))).toMatchObject({ code: 'sealed' });
      expect(await another().end('a')).toEqual(end);
      expect(await another().seal('a')).toEqual(end);
      expect(await readTexts(logs, 'a')).toEqual([]);
      expect(await failureOf(logs.create('a'))).toMatchObject({ code: 'object-exists' });
      expect(await logs.list('')).toEqual(['a']);
    },
  );

  its('releases what lies wholly below and nothing else', async (logs) => {
    const writer = await logs.create('a');
    const texts = someTexts(200, 400);
    for (let i = 0; i < texts.length; i += 5) await appendDurably(writer, texts.slice(i, i + 5));
    const middle = (await readPositions(logs, 'a')).get(120);
    if (middle === undefined) throw new Error('record 120 has no position');
    await another().release('a', middle);
    expect(await readTexts(logs, 'a', { from: middle })).toEqual(texts.slice(119));
    const kept = await readTexts(logs, 'a');
    expect(kept.length).toBeLessThan(200);
    expect(kept).toEqual(texts.slice(-kept.length));
    const gone = { segment: 0, offset: 0, sequence: 1 };
    const failure = await failureOf(readTexts(logs, 'a', { from: gone }));
    expect(failure).toMatchObject({ code: 'object-missing' });
    await appendDurably(writer, ['goes on']);
    expect((await another().seal('a')).sequence).toBe(202);
    expect((await readTexts(logs, 'a')).at(-1)).toBe('goes on');
  });

  its('keeps an open log though asked to release all of it', async (logs) => {
    const writer = await logs.create('a');
    await appendDurably(writer, ['one', 'two']);
    await another().release('a', writer.position);
    await appendDurably(writer, ['three']);
    const { sequence } = await another().seal('a');
    expect(sequence).toBe(4);
    expect((await readTexts(logs, 'a')).at(-1)).toBe('three');
  });
}
