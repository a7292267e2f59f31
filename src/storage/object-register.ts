// A register in an object store: `<name>/<20-digit number>`.
//
//   u32 magic | u32 CRC-32 of the rest, seeded with the key | 16 bytes writer id | u64 predecessor | value
//
// The invariants are those of `register.ts`. The writer id is that of this object, so one writer
// that asks again, after an unclear outcome, recognizes its own entry.

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import { crc32 } from '../base/hash.js';
import { registerEntriesKept } from './limits.js';
import type { PatientObjectsOptions } from './patient-objects.js';
import { PatientObjects } from './patient-objects.js';
import type { Register, RegisterEntry } from './register.js';

const magic = 0xcada5201;
const headerBytes = 32;
const numberDigits = 20;

export class ObjectRegister implements Register {
  readonly #objects: PatientObjects;
  readonly #prefix: string;
  readonly #writerId: Buffer;

  /** `name` is a key prefix of whole parts, without a `/` at its end. */
  constructor(name: string, options: PatientObjectsOptions) {
    this.#objects = new PatientObjects(options);
    this.#prefix = `${name}/`;
    this.#writerId = this.#objects.newWriterId();
  }

  async read(): Promise<RegisterEntry | undefined> {
    for (;;) {
      const number = (await this.#numbers()).at(-1);
      if (number === undefined) return undefined;
      const entry = await this.#entry(number);
      if (entry !== undefined) return entry; // else it was trimmed: there are higher ones
    }
  }

  async history(): Promise<readonly RegisterEntry[]> {
    const entries: RegisterEntry[] = [];
    for (const number of await this.#numbers()) {
      const entry = await this.#entry(number);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  async write(after: number, value: Uint8Array): Promise<boolean> {
    const number = after + 1;
    const key = this.#key(number);
    if (!(await this.#objects.createOnce(key, this.#encode(key, after, value)))) return false;
    return (await this.#numbers()).at(-1) === number;
  }

  async trim(): Promise<void> {
    const numbers = await this.#numbers();
    await this.#objects.delete(
      numbers.slice(0, -registerEntriesKept).map((number) => this.#key(number)),
    );
  }

  #key(number: number): string {
    return `${this.#prefix}${String(number).padStart(numberDigits, '0')}`;
  }

  async #numbers(): Promise<readonly number[]> {
    const numbers: number[] = [];
    for await (const { key } of this.#objects.list(this.#prefix)) {
      numbers.push(Number(key.slice(this.#prefix.length)));
    }
    return numbers;
  }

  async #entry(number: number): Promise<RegisterEntry | undefined> {
    const key = this.#key(number);
    const bytes = await this.#objects.get(key);
    return bytes && { number, value: decode(key, number, bytes) };
  }

  #encode(key: string, predecessor: number, value: Uint8Array): Buffer {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32BE(magic, 0);
    header.set(this.#writerId, 8);
    header.writeBigUInt64BE(BigInt(predecessor), 24);
    const bytes = Buffer.concat([header, value]);
    bytes.writeUInt32BE(checksum(key, bytes), 4);
    return bytes;
  }
}

function checksum(key: string, bytes: Buffer): number {
  return crc32(bytes.subarray(8), crc32(Buffer.from(key, 'utf8')));
}

function decode(key: string, number: number, bytes: Buffer): Buffer {
  const isWhole =
    bytes.length >= headerBytes &&
    bytes.readUInt32BE(0) === magic &&
    bytes.readUInt32BE(4) === checksum(key, bytes);
  if (!isWhole) {
    throw new CadastreError('corruption', `register entry ${key} is damaged`, {
      nextStep: 'Restore the object from a copy of the storage root, or restore a snapshot.',
      details: { key },
    });
  }
  assert(Number(bytes.readBigUInt64BE(24)) === number - 1, 'an entry names its predecessor');
  return bytes.subarray(headerBytes);
}
