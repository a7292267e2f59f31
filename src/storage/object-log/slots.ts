// The objects of a log in an object store: `log/<folder of the log>/<20-digit slot>`.
//
//   u8 kind | 3 zeros | 16 bytes writer id | u32 CRC-32 of these 20, seeded with the log's name | frame
//
// Slot 0 holds the claim of the name, made once and never deleted (L5); the others hold groups, then
// seals. The frame's place is (slot, 0); that of a claim or seal has no records. Beside the slots,
// `end` names the slot where a sealed log ends: a frame without records at the place of that slot,
// whose first sequence is the end's.

import { CadastreError } from '../../base/errors.js';
import { crc32 } from '../../base/hash.js';
import type { Frame } from '../log-frame.js';
import { Group, frameSegment, logNameCrc, readFrame } from '../log-frame.js';
import { logFolder } from '../log-name.js';
import type { LogPosition } from '../log.js';

const kinds = ['claim', 'group', 'seal', 'end'] as const;
export type SlotKind = (typeof kinds)[number];
const envelopeBytes = 24;
const slotDigits = 20;

/** A slot's object, checked. */
export interface Slot {
  readonly kind: SlotKind;
  readonly frame: Frame;
}

/** Keys and bytes of one log's slots. */
export class LogSlots {
  readonly name: string;
  readonly nameCrc: number;
  readonly prefix: string;

  constructor(name: string) {
    this.name = name;
    this.nameCrc = logNameCrc(name);
    this.prefix = `log/${logFolder(name)}/`;
  }

  key(slot: number): string {
    return `${this.prefix}${String(slot).padStart(slotDigits, '0')}`;
  }

  get endKey(): string {
    return `${this.prefix}end`;
  }

  /** The slot of a key; undefined for `end`. */
  number(key: string): number | undefined {
    return key === this.endKey ? undefined : Number(key.slice(this.prefix.length));
  }

  /** A copy, so that the group may be used again while a request is still under way. */
  encode(kind: SlotKind, writerId: Buffer, frame: Buffer): Buffer {
    const envelope = Buffer.alloc(envelopeBytes);
    envelope.writeUInt8(kinds.indexOf(kind), 0);
    envelope.set(writerId, 4);
    envelope.writeUInt32BE(crc32(envelope.subarray(0, 20), this.nameCrc), 20);
    return Buffer.concat([envelope, frame]);
  }

  /** An object without records: what it is, which place it is for, and the sequence there. */
  encodeMark(kind: SlotKind, writerId: Buffer, { segment, sequence }: LogPosition): Buffer {
    const empty = new Group();
    empty.firstSequence = sequence;
    return this.encode(kind, writerId, empty.finish(this.nameCrc, segment, 0, sequence - 1));
  }

  /** Throws `corruption`. */
  decode(slot: number, bytes: Buffer): Slot {
    const kind = this.#kindOf(bytes);
    const frame = kind && readFrame(bytes, envelopeBytes, this.nameCrc, slot, 0);
    if (kind !== undefined && frame !== undefined) return { kind, frame };
    throw this.damage(slot, `object ${this.key(slot)} (${bytes.length} bytes) cannot be read`);
  }

  /** The end that the `end` object names. Throws `corruption`. */
  decodeEnd(bytes: Buffer): LogPosition {
    const slot = frameSegment(bytes, envelopeBytes);
    if (this.#kindOf(bytes) === 'end' && slot !== undefined) {
      const frame = readFrame(bytes, envelopeBytes, this.nameCrc, slot, 0);
      if (frame !== undefined) return { segment: slot, offset: 0, sequence: frame.firstSequence };
    }
    throw this.damage(0, `object ${this.endKey} (${bytes.length} bytes) cannot be read`);
  }

  #kindOf(bytes: Buffer): SlotKind | undefined {
    const isWhole =
      bytes.length > envelopeBytes &&
      crc32(bytes.subarray(0, 20), this.nameCrc) === bytes.readUInt32BE(20);
    return isWhole ? kinds[bytes.readUInt8(0)] : undefined;
  }

  damage(slot: number, what: string): CadastreError {
    return new CadastreError('corruption', `log ${this.name} is damaged: ${what}`, {
      nextStep: 'Restore the object from a copy of the storage root, or restore a snapshot.',
      details: { log: this.name, segment: slot, offset: 0 },
    });
  }
}
