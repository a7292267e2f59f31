import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lockRegion, lockServer, lockSnapshot, lockTable, normalizeLocks } from './lock-request.js';
import type { LockRequest } from './lock-request.js';
import { LockTable } from './lock-table.js';
import type { Lock, LockOwner } from './lock-table.js';

class Owner implements LockOwner {
  readonly name: string;
  readonly needs: readonly LockRequest[];
  locksHeld = 0;
  locks: Lock[] | undefined = undefined;
  isWaitingForLock = false;
  nextWaiting: LockOwner | undefined = undefined;

  constructor(name: string, needs: readonly LockRequest[]) {
    this.name = name;
    this.needs = normalizeLocks(needs);
  }
}

const table = { namespace: 'default', qualifier: 't' };
const reader = (name: string) => new Owner(name, [lockTable(table, 'shared')]);
const writer = (name: string) => new Owner(name, [lockTable(table, 'exclusive')]);

describe('lock table', () => {
  it('race P11: no reader overtakes a waiting writer', () => {
    const got: string[] = [];
    const locks = new LockTable<Owner>((owner) => got.push(owner.name));
    const first = reader('r1');
    const middle = writer('w');
    expect(locks.acquire(first)).toBe(true);
    expect(locks.acquire(middle)).toBe(false);
    expect(locks.acquire(reader('r2'))).toBe(false);
    expect(locks.acquire(reader('r3'))).toBe(false);
    locks.release(first);
    expect(got).toEqual(['w']);
    locks.release(middle);
    expect(got).toEqual(['w', 'r2', 'r3']);
  });

  it('a writer that gives up lets the readers behind it go', () => {
    const got: string[] = [];
    const locks = new LockTable<Owner>((owner) => got.push(owner.name));
    const waiting = writer('w');
    expect(locks.acquire(reader('r1'))).toBe(true);
    expect(locks.acquire(waiting)).toBe(false);
    expect(locks.acquire(reader('r2'))).toBe(false);
    locks.release(waiting);
    expect(got).toEqual(['r2']);
  });

  it('a table lock takes its namespace shared, a region lock takes nothing else', () => {
    const needs = normalizeLocks([lockRegion(9), lockTable(table, 'exclusive'), lockRegion(10)]);
    expect(needs.map(({ kind, mode }) => `${kind} ${mode}`)).toEqual([
      'namespace shared',
      'table exclusive',
      'region exclusive',
      'region exclusive',
    ]);
    expect(needs[2]?.name.endsWith('9')).toBe(true);
  });

  it('the canonical order is server, snapshot, namespace, table, region', () => {
    const needs = normalizeLocks([
      lockRegion(1),
      lockTable(table, 'shared'),
      lockSnapshot('s'),
      lockServer(3),
    ]);
    expect(needs.map(({ kind }) => kind)).toEqual([
      'server',
      'snapshot',
      'namespace',
      'table',
      'region',
    ]);
  });

  it('one request a lock is left, and exclusive wins', () => {
    const needs = normalizeLocks([lockTable(table, 'shared'), lockTable(table, 'exclusive')]);
    expect(needs.map(({ mode }) => mode)).toEqual(['shared', 'exclusive']);
  });

  it('everybody gets everything in the end, and never two writers or a writer with readers', () => {
    const request = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean());
    const owners = fc.array(fc.array(request, { minLength: 1, maxLength: 3 }), { maxLength: 20 });
    fc.assert(
      fc.property(owners, fc.array(fc.nat()), (wanted, order) => {
        const holding = new Set<Owner>();
        const locks = new LockTable<Owner>((owner) => holding.add(owner));
        const all = wanted.map((requests, index) => {
          const needs = requests.map(([id, isShared]) =>
            lockRegion(id, isShared ? 'shared' : 'exclusive'),
          );
          return new Owner(String(index), needs);
        });
        let done = 0;
        const check = (): void => {
          const held = [...holding].flatMap(({ needs }) => needs);
          for (const { name, mode } of held) {
            const same = held.filter((other) => other.name === name);
            if (mode === 'exclusive') expect(same).toHaveLength(1);
          }
        };
        for (const owner of all) if (locks.acquire(owner)) holding.add(owner);
        check();
        for (let turn = 0; holding.size > 0; turn++) {
          const next = [...holding][(order[turn % Math.max(1, order.length)] ?? 0) % holding.size];
          if (next === undefined) break;
          holding.delete(next);
          locks.release(next);
          done++;
          check();
        }
        expect(done).toBe(all.length);
        expect([...locks.names()]).toEqual([]);
      }),
    );
  });
});
