// All types of the master's procedures. One that is not listed here is quarantined when it is loaded.

import type { ProcedureType } from '../procedure/definition.js';
import { AssignRegion } from './assignment/assign.js';
import { MoveRegion } from './assignment/move.js';
import { UnassignRegion } from './assignment/unassign.js';
import { ServerCrash } from './servers/server-crash.js';
import { CreateTable } from './tables/create-table.js';
import { DisableTable } from './tables/disable-table.js';
import { DiscardTable } from './tables/discard-table.js';
import { DropTable } from './tables/drop-table.js';
import { EnableTable } from './tables/enable-table.js';
import { FlushRegion, FlushTable } from './tables/flush-table.js';

export const procedureTypes: readonly ProcedureType<unknown>[] = [
  AssignRegion,
  UnassignRegion,
  MoveRegion,
  ServerCrash,
  CreateTable,
  EnableTable,
  DisableTable,
  DropTable,
  DiscardTable,
  FlushTable,
  FlushRegion,
];
