// The writer of a log in an object store: each group is the next slot, created only if absent.

import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Clock } from '../../world/clock.js';
import type { GroupSink } from '../group-commit.js';
import { GroupCommit } from '../group-commit.js';
import type { Group } from '../log-frame.js';
import type { LogPosition, LogWriter } from '../log.js';
import type { PatientObjects } from '../patient-objects.js';
import type { LogSlots } from './slots.js';

/** More entries than this are joined two by two: where a release may cut need not be exact. */
const summariesMax = 1_024;

interface SlotSummary {
  readonly segment: number;
  readonly firstSequence: number;
  readonly bytes: number;
}

export class ObjectLogWriter implements LogWriter {
  readonly name: string;
  readonly #objects: PatientObjects;
  readonly #slots: LogSlots;
  readonly #writerId: Buffer;
  readonly #commit: GroupCommit;
  #summaries: SlotSummary[] = [];
  #next = 1;

  constructor(
    objects: PatientObjects,
    slots: LogSlots,
    writerId: Buffer,
    clock: Clock,
    lingerMs: number,
  ) {
    this.name = slots.name;
    this.#objects = objects;
    this.#slots = slots;
    this.#writerId = writerId;
    const sink: GroupSink = {
      write: (group, done) => this.#write(group, done),
      close: () => Promise.resolve(),
    };
    this.#commit = new GroupCommit({ logName: slots.name, clock, sink, lingerMs });
  }

  get appended(): number {
    return this.#commit.appended;
  }
  get durable(): number {
    return this.#commit.durable;
  }
  /** The slot is the one that will hold the record, or an earlier one not yet written. */
  get position(): LogPosition {
    return { segment: this.#next, offset: 0, sequence: this.#commit.appended + 1 };
  }
  get segments(): readonly SlotSummary[] {
    return this.#summaries;
  }
  append(...parts: readonly Uint8Array[]): number {
    return this.#commit.append(parts);
  }
  whenDurable(sequence: number, done: () => void): void {
    this.#commit.whenDurable(sequence, done);
  }
  onFailure(handler: (error: Error) => void): void {
    this.#commit.onFailure(handler);
  }
  /** What is known here: an object store does not tell without a request, so leases protect reads. */
  isUnsealed(): boolean {
    return !this.#commit.hasFailed;
  }
  close(): Promise<void> {
    return this.#commit.close();
  }

  #write(group: Group, done: (error: CadastreError | undefined) => void): void {
    const slot = this.#next;
    const frame = group.finish(this.#slots.nameCrc, slot, 0, this.#commit.durable);
    const bytes = this.#slots.encode('group', this.#writerId, frame);
    const { firstSequence } = group;
    this.#objects.createOnce(this.#slots.key(slot), bytes).then(
      (isOurs) => {
        if (!isOurs) return done(this.#sealedFailure());
        this.#next = slot + 1;
        this.#summarize({ segment: slot, firstSequence, bytes: bytes.length });
        done(undefined);
      },
      (error: unknown) => done(asCadastreError(error)),
    );
  }

  #summarize(slot: SlotSummary): void {
    this.#summaries.push(slot);
    if (this.#summaries.length <= summariesMax) return;
    const joined: SlotSummary[] = [];
    for (let i = 0; i < this.#summaries.length; i += 2) {
      const [first, second] = this.#summaries.slice(i, i + 2);
      if (first !== undefined) joined.push({ ...first, bytes: first.bytes + (second?.bytes ?? 0) });
    }
    this.#summaries = joined;
  }

  #sealedFailure(): CadastreError {
    return new CadastreError('sealed', `log ${this.name} was sealed: this writer was succeeded`, {
      nextStep: 'Stop; whoever sealed the log has taken over.',
    });
  }
}
