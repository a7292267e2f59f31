import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priorities } from './definition.js';
import type { Priority } from './definition.js';
import { Scheduler } from './scheduler.js';
import type { Schedulable } from './scheduler.js';

class Entry implements Schedulable {
  priority: Priority;
  readonly group: string;
  hasBegun: boolean;
  isQueued = false;
  nextQueued: Schedulable | undefined = undefined;

  constructor(priority: Priority, group = '', hasBegun = false) {
    this.priority = priority;
    this.group = group;
    this.hasBegun = hasBegun;
  }
}

function drained(scheduler: Scheduler<Entry>, count = Infinity): Entry[] {
  const entries: Entry[] = [];
  for (let left = count; left > 0; left--) {
    const entry = scheduler.poll();
    if (entry === undefined) break;
    entries.push(entry);
  }
  return entries;
}

describe('scheduler', () => {
  it('race P11: a crash is served at once among 10,000 table operations, which are not starved', () => {
    const scheduler = new Scheduler<Entry>();
    for (let count = 0; count < 10_000; count++) scheduler.add(new Entry('table', `t${count % 7}`));
    drained(scheduler, 100);
    for (let count = 0; count < 1_000; count++) scheduler.add(new Entry('crash'));
    const first = drained(scheduler, 90).map(({ priority }) => priority);
    expect(first.slice(0, 2)).toContain('crash');
    expect(first.filter((priority) => priority === 'table').length).toBeGreaterThanOrEqual(9);
  });

  it('tables take turns: one with a thousand operations does not hold up one with one', () => {
    const scheduler = new Scheduler<Entry>();
    for (let count = 0; count < 1_000; count++) scheduler.add(new Entry('table', 'big'));
    scheduler.add(new Entry('table', 'small'));
    expect(drained(scheduler, 3).map(({ group }) => group)).toContain('small');
  });

  it('what has begun goes first, but what has not is not starved', () => {
    const scheduler = new Scheduler<Entry>();
    scheduler.add(new Entry('table', 't', false));
    for (let count = 0; count < 100; count++) scheduler.add(new Entry('table', 't', true));
    const order = drained(scheduler, 6).map(({ hasBegun }) => hasBegun);
    expect(order[0]).toBe(true);
    expect(order).toContain(false);
  });

  it('a class that was empty does not catch up', () => {
    const scheduler = new Scheduler<Entry>();
    for (let count = 0; count < 100; count++) scheduler.add(new Entry('crash'));
    drained(scheduler, 64);
    for (let count = 0; count < 10; count++) scheduler.add(new Entry('background'));
    const next = drained(scheduler, 20).filter(({ priority }) => priority === 'background');
    expect(next.length).toBeLessThanOrEqual(2);
  });

  it('gives each entry out once, in any mix of adding, polling and removing', () => {
    const action = fc.record({
      kind: fc.constantFrom('add', 'poll', 'remove'),
      priority: fc.constantFrom(...priorities),
      group: fc.constantFrom('a', 'b', 'c'),
      hasBegun: fc.boolean(),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const scheduler = new Scheduler<Entry>();
        const queued = new Set<Entry>();
        for (const { kind, priority, group, hasBegun, which } of actions) {
          if (kind === 'add') {
            const entry = new Entry(priority, group, hasBegun);
            queued.add(entry);
            scheduler.add(entry);
          } else if (kind === 'poll') {
            const entry = scheduler.poll();
            expect(entry !== undefined).toBe(queued.size > 0);
            if (entry !== undefined) expect(queued.delete(entry)).toBe(true);
          } else if (queued.size > 0) {
            const entry = [...queued][which % queued.size];
            if (entry === undefined) continue;
            scheduler.remove(entry);
            queued.delete(entry);
          }
          expect(scheduler.size).toBe(queued.size);
        }
        expect(new Set(drained(scheduler))).toEqual(queued);
      }),
    );
  });
});
