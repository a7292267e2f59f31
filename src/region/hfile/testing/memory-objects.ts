// Objects in memory for tests of store files: they count reads, and a test may change the bytes.

import { CadastreError } from '../../../base/errors.js';
import type {
  ByteRange,
  ObjectInfo,
  ObjectStore,
  ObjectWriter,
} from '../../../world/object-store.js';

export class MemoryObjects implements ObjectStore {
  readonly bytes = new Map<string, Buffer>();
  reads = 0;
  readsRunning = 0;
  readsRunningMost = 0;

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.bytes.set(key, Buffer.from(bytes));
  }
  async create(key: string, bytes: Uint8Array): Promise<void> {
    if (this.bytes.has(key)) throw new CadastreError('object-exists', `${key} is there`);
    await this.put(key, bytes);
  }
  async createWriter(key: string): Promise<ObjectWriter> {
    const parts: Buffer[] = [];
    return {
      write: async (bytes) => void parts.push(Buffer.from(bytes)),
      finish: () => this.create(key, Buffer.concat(parts)),
      abort: async () => void parts.splice(0),
    };
  }
  async get(key: string, range?: ByteRange): Promise<Buffer> {
    this.reads++;
    this.readsRunning++;
    this.readsRunningMost = Math.max(this.readsRunningMost, this.readsRunning);
    // A turn of the event loop's microtasks, so that reads overlap as they do in the world.
    await Promise.resolve();
    this.readsRunning--;
    const bytes = this.bytes.get(key);
    if (bytes === undefined) throw new CadastreError('object-missing', `there is no ${key}`);
    return Buffer.from(bytes.subarray(range?.start ?? 0, range?.end));
  }
  async head(key: string): Promise<ObjectInfo | undefined> {
    const bytes = this.bytes.get(key);
    return bytes === undefined ? undefined : { key, bytes: bytes.length };
  }
  async list(prefix: string): Promise<readonly ObjectInfo[]> {
    const keys = [...this.bytes.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => ({ key, bytes: (this.bytes.get(key) as Buffer).length }));
  }
  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.bytes.delete(key);
  }
}
