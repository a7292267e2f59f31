// Procedures, as bytes that only the procedure engine understands (catalog and procedure meet in
// the engine's `ProcedureStore`, whose adapter is in master/). The engine versions them itself.

import type { ProcedureId } from '../../base/ids.js';
import { ownBuffer } from '../codec.js';
import { defineKind } from '../kind.js';

/** procedure/<id>. What a restore does with one, its type says (`onRestore` of page 3). */
export const procedureKind = defineKind<readonly [id: ProcedureId], Buffer>({
  name: 'procedure',
  type: 11,
  shape: ['number'],
  onRestore: 'keep',
  temperature: 'hot',
  version: 1,
  encode: (bytes) => bytes,
  decode: (_version, bytes) => ownBuffer(bytes),
});
