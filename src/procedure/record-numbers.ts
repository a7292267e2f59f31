// The numbers that stand for words in a procedure's row (proto/procedure/procedure.proto).

import type { Priority } from './definition.js';
import {
  LockKind as StoredLockKind,
  Phase,
  Priority as StoredPriority,
} from './generated/procedure_pb.js';
import type { LockKind } from './lock-request.js';
import type { StoredPhase } from './record.js';

/** Stands before every row, as u16. */
export const formatVersion = 1;

export const phaseNumbers: Readonly<Record<StoredPhase, Phase>> = {
  forward: Phase.FORWARD,
  'rolling-back': Phase.ROLLING_BACK,
  succeeded: Phase.SUCCEEDED,
  failed: Phase.FAILED,
  bypassed: Phase.BYPASSED,
};

export const priorityNumbers: Readonly<Record<Priority, StoredPriority>> = {
  crash: StoredPriority.CRASH,
  region: StoredPriority.REGION,
  table: StoredPriority.TABLE,
  background: StoredPriority.BACKGROUND,
};

export const lockKindNumbers: Readonly<Record<LockKind, StoredLockKind>> = {
  server: StoredLockKind.SERVER,
  snapshot: StoredLockKind.SNAPSHOT,
  namespace: StoredLockKind.NAMESPACE,
  table: StoredLockKind.TABLE,
  region: StoredLockKind.REGION,
};
