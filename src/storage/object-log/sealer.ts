// Seals a log in an object store: takes the slot that its writer would take next.
//
// The writer may be as fast as the sealer, so the sealer first takes a slot far enough ahead, which
// bounds the writer, and then walks up to it (race W2). The lowest seal is the end: below it are only
// groups, since the writer takes slots in order. Seals are never deleted, so a writer that wakes later
// finds its slot taken (race W3); the `end` object, made once, keeps the sequence number when the
// groups are released.

import type { LogPosition } from '../log.js';
import type { PatientObjects } from '../patient-objects.js';
import type { LogSlots, Slot } from './slots.js';

export class ObjectLogSealer {
  readonly #objects: PatientObjects;
  readonly #slots: LogSlots;
  readonly #writerId: Buffer;

  constructor(objects: PatientObjects, slots: LogSlots) {
    this.#objects = objects;
    this.#slots = slots;
    this.#writerId = objects.newWriterId();
  }

  /** May be called by several at once, any number of times. */
  async seal(): Promise<LogPosition> {
    const known = await this.readEnd();
    if (known !== undefined) return known;
    const end = await this.#fence();
    if (end !== undefined) {
      const bytes = this.#slots.encodeMark('end', this.#writerId, end);
      if (await this.#objects.createOnce(this.#slots.endKey, bytes)) return end;
    }
    // Another sealer was faster, and the groups may even be released.
    const made = await this.readEnd();
    if (made !== undefined) return made;
    throw this.#slots.damage(0, 'its last group is missing');
  }

  async readEnd(): Promise<LogPosition | undefined> {
    const bytes = await this.#objects.get(this.#slots.endKey);
    return bytes && this.#slots.decodeEnd(bytes);
  }

  /** Makes sure that a seal follows the last group. */
  async #fence(): Promise<LogPosition | undefined> {
    let last = await this.lastGroup();
    let ahead = 1;
    while (!(await this.#isSeal(last + ahead))) {
      last += ahead;
      ahead *= 2;
    }
    let slot = last + 1;
    while (!(await this.#isSeal(slot))) slot += 1;
    if (slot === 0) return { segment: 0, offset: 0, sequence: 1 };
    const before = await this.#read(slot - 1);
    if (before === undefined) return undefined;
    const { firstSequence, count } = before.frame;
    return { segment: slot, offset: 0, sequence: firstSequence + count };
  }

  /** Seals a slot unless a group is there. */
  async #isSeal(slot: number): Promise<boolean> {
    const place = { segment: slot, offset: 0, sequence: 1 };
    const seal = this.#slots.encodeMark('seal', this.#writerId, place);
    if (await this.#objects.createOnce(this.#slots.key(slot), seal)) return true;
    return (await this.#read(slot))?.kind === 'seal';
  }

  /**
   * The last slot, as far as a list tells, with a group or the claim; -1 if there is none. Another
   * sealer may have left seals: at the end, and further ahead.
   */
  async lastGroup(): Promise<number> {
    let last = -1;
    for await (const { key } of this.#objects.list(this.#slots.prefix)) {
      const slot = this.#slots.number(key);
      // Slots are taken in order, but for seals ahead. (After the claim, some may be released.)
      if (slot === undefined || (slot !== last + 1 && last > 0)) break;
      last = slot;
    }
    while (last >= 0 && (await this.#read(last))?.kind === 'seal') last -= 1;
    return last;
  }

  async #read(slot: number): Promise<Slot | undefined> {
    const bytes = await this.#objects.get(this.#slots.key(slot));
    return bytes && this.#slots.decode(slot, bytes);
  }
}
