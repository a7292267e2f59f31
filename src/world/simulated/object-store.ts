// A node's view of the simulated bucket.

import { assert } from '../../base/assert.js';
import { CadastreError } from '../../base/errors.js';
import { checkKey, checkPrefix } from '../local/keys.js';
import type { ByteRange, ObjectInfo, ObjectStore, ObjectWriter } from '../object-store.js';
import type { BucketRequest, SimBucket } from './bucket.js';
import type { SimLife } from './life.js';

const listLimitDefault = 1_000;

export class SimObjectStore implements ObjectStore {
  readonly #bucket: SimBucket;
  readonly #life: SimLife;

  constructor(bucket: SimBucket, life: SimLife) {
    this.#bucket = bucket;
    this.#life = life;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    const copy = Buffer.from(bytes);
    return this.#request({ kind: 'put', key, run: () => this.#bucket.set(key, copy) });
  }

  async create(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    const copy = Buffer.from(bytes);
    return this.#request({
      kind: 'create',
      key,
      run: () => {
        if (this.#bucket.find(key) !== undefined) {
          throw new CadastreError('object-exists', `object ${key} is there already`);
        }
        this.#bucket.set(key, copy);
      },
    });
  }

  async createWriter(key: string): Promise<ObjectWriter> {
    checkKey(key);
    let parts: Buffer[] = [];
    return {
      write: (bytes) => {
        parts.push(Buffer.from(bytes));
        return Promise.resolve();
      },
      finish: () => this.create(key, Buffer.concat(parts)),
      abort: () => {
        parts = [];
        return Promise.resolve();
      },
    };
  }

  async get(key: string, range?: ByteRange): Promise<Buffer> {
    checkKey(key);
    const { start, end } = range ?? { start: 0, end: Infinity };
    assert(start >= 0 && start <= end, 'a byte range is not negative');
    return this.#request({
      kind: 'get',
      key,
      run: () => {
        const bytes = this.#bucket.find(key);
        if (bytes !== undefined) return Buffer.from(bytes.subarray(start, end));
        throw new CadastreError('object-missing', `there is no object ${key}`);
      },
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return this.#request({
      kind: 'head',
      key,
      run: () => {
        const bytes = this.#bucket.find(key);
        return bytes === undefined ? undefined : { key, bytes: bytes.length };
      },
    });
  }

  async list(prefix: string, after = '', limit = listLimitDefault): Promise<readonly ObjectInfo[]> {
    checkPrefix(prefix);
    return this.#request({
      kind: 'list',
      key: prefix,
      run: () => this.#bucket.list(prefix, after, limit),
    });
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key);
    return this.#request({
      kind: 'delete',
      key: keys.join(' '),
      run: () => {
        for (const key of keys) this.#bucket.remove(key);
      },
    });
  }

  #request<Result>(request: BucketRequest<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#bucket.submit(this.#life, request, (error, result) => {
        if (error === undefined) resolve(result as Result);
        else reject(error);
      });
    });
  }
}
