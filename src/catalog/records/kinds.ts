// All kinds of records there are. A kind that is not listed here cannot be read back.

import type { AnyKind } from '../kind.js';
import { checkpointKind } from './checkpoints.js';
import { candidateKind, claimKind } from './deletion.js';
import { fileKind } from './files.js';
import { catalogLogKind, logKind, sortedLogKind } from './logs.js';
import { procedureKind } from './procedures.js';
import { regionKind } from './regions.js';
import { serverKind } from './servers.js';
import { settingKind, switchKind, systemKind } from './system.js';
import { nameKind, namespaceKind, tableKind } from './tables.js';

export const allKinds: readonly AnyKind[] = [
  systemKind,
  namespaceKind,
  nameKind,
  tableKind,
  regionKind,
  fileKind,
  serverKind,
  logKind,
  catalogLogKind,
  sortedLogKind,
  procedureKind,
  settingKind,
  switchKind,
  candidateKind,
  claimKind,
  checkpointKind,
];
