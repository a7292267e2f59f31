// The storage of one root: what everything above builds on.

import type { ObjectStore } from '../world/object-store.js';
import type { LogStore } from './log.js';
import type { Register } from './register.js';

export interface Storage {
  readonly objects: ObjectStore;
  readonly logs: LogStore;
  register(name: string): Register;
}
