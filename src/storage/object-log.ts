// Fenced logs over nothing but an object store: one object for each group commit.
//
// Invariants besides those of `log.ts`:
// 1. Slots are created in order, each only if absent, so they have no gaps; a group counts when its
//    slot is the writer's. No clock is involved.
// 2. A seal takes the slot that the writer would take next, and is never deleted.
// 3. Of a log that is not sealed, the last group is never deleted: the sealer finds its place by it.
// 4. A list is a hint, the conditional create is the proof.

import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Frame } from './log-frame.js';
import { frameRecords } from './log-frame.js';
import { logNameOfFolder } from './log-name.js';
import type { LogPosition, LogReadOptions, LogRecord, LogStore, LogWriter } from './log.js';
import { ObjectLogSealer } from './object-log/sealer.js';
import { LogSlots } from './object-log/slots.js';
import { ObjectLogWriter } from './object-log/writer.js';
import type { PatientObjectsOptions } from './patient-objects.js';
import { PatientObjects } from './patient-objects.js';

export interface ObjectLogOptions extends PatientObjectsOptions {
  /** How long a group waits for company: requests cost money. Default 0. */
  readonly lingerMs?: number;
}

export class ObjectLogStore implements LogStore {
  readonly #objects: PatientObjects;
  readonly #clock: Clock;
  readonly #lingerMs: number;

  constructor(options: ObjectLogOptions) {
    this.#objects = new PatientObjects(options);
    this.#clock = options.clock;
    this.#lingerMs = options.lingerMs ?? 0;
  }

  async create(name: string): Promise<LogWriter> {
    const slots = new LogSlots(name);
    const writerId = this.#objects.newWriterId();
    const place = { segment: 0, offset: 0, sequence: 1 };
    const claim = slots.encodeMark('claim', writerId, place);
    if (await this.#objects.createOnce(slots.key(0), claim)) {
      return new ObjectLogWriter(this.#objects, slots, writerId, this.#clock, this.#lingerMs);
    }
    throw new CadastreError('object-exists', `log "${name}" exists, or did once`, {
      nextStep: 'Use another name: names of logs are never used again (L5).',
    });
  }

  async seal(name: string): Promise<LogPosition> {
    return new ObjectLogSealer(this.#objects, new LogSlots(name)).seal();
  }

  async end(name: string): Promise<LogPosition | undefined> {
    return new ObjectLogSealer(this.#objects, new LogSlots(name)).readEnd();
  }

  async *read(name: string, options: LogReadOptions = {}): AsyncGenerator<LogRecord> {
    const slots = new LogSlots(name);
    const kept = await this.#keptSlots(slots);
    const { from, until } = options;
    if (from !== undefined && from.segment < kept.first) throw released(slots, from, kept.first);
    const wanted = from?.sequence ?? 1;
    for await (const frame of this.#frames(slots, from?.segment ?? kept.first, kept.last)) {
      for (const record of frameRecords(frame)) {
        if (until !== undefined && record.sequence >= until.sequence) return;
        if (record.sequence >= wanted) yield record;
      }
    }
  }

  /** Groups from slot `first` to `last`, or to the seal. (To `last`: a writer may go on for ever.) */
  async *#frames(slots: LogSlots, first: number, last: number): AsyncGenerator<Frame> {
    let expected: number | undefined;
    for (let slot = first; slot <= last; slot++) {
      let bytes = await this.#objects.get(slots.key(slot));
      if (bytes === undefined && (await this.#finishSealing(slots, last))) {
        bytes = await this.#objects.get(slots.key(slot));
      }
      if (bytes === undefined) throw slots.damage(slot, `slot ${slot} of ${last} is missing`);
      const { kind, frame } = slots.decode(slot, bytes);
      if (kind === 'seal') return;
      if (expected !== undefined && frame.firstSequence !== expected) {
        throw slots.damage(slot, `slot ${slot} begins with record ${frame.firstSequence}`);
      }
      yield frame;
      expected = frame.firstSequence + frame.count;
    }
  }

  /** Whether the log is sealed now because a seal stands at `last`, ahead of the groups. */
  async #finishSealing(slots: LogSlots, last: number): Promise<boolean> {
    const bytes = await this.#objects.get(slots.key(last));
    if (bytes === undefined || slots.decode(last, bytes).kind !== 'seal') return false;
    await new ObjectLogSealer(this.#objects, slots).seal();
    return true;
  }

  /** The first and last slot that are listed, besides the claim. */
  async #keptSlots(slots: LogSlots): Promise<{ readonly first: number; readonly last: number }> {
    let claimed = false;
    let first: number | undefined;
    let last = 0;
    for await (const { key } of this.#objects.list(slots.prefix)) {
      claimed = true;
      last = slots.number(key) ?? last;
      if (last > 0) first ??= last;
    }
    if (claimed) return { first: first ?? 1, last };
    throw new CadastreError('object-missing', `there is no log "${slots.name}"`);
  }

  async list(prefix: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for await (const { key } of this.#objects.list('log/')) {
      const name = logNameOfFolder(key.split('/')[1] ?? '');
      if (name?.startsWith(prefix) === true) names.add(name);
    }
    return [...names].sort();
  }

  async release(name: string, below: LogPosition): Promise<void> {
    const slots = new LogSlots(name);
    const sealer = new ObjectLogSealer(this.#objects, slots);
    // Invariants 2 and 3.
    const limit = (await sealer.readEnd())?.segment ?? (await sealer.lastGroup());
    const keys: string[] = [];
    for await (const { key } of this.#objects.list(slots.prefix, slots.key(0))) {
      const slot = slots.number(key) ?? limit;
      if (slot < Math.min(limit, below.segment)) keys.push(key);
    }
    await this.#objects.delete(keys);
  }
}

function released(slots: LogSlots, from: LogPosition, first: number): CadastreError {
  return new CadastreError(
    'object-missing',
    `slot ${from.segment} of log ${slots.name} is not there; the first one kept is ${first}`,
    { details: { log: slots.name, segment: from.segment } },
  );
}
