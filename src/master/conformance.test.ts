// Every procedure type of the master through the conformance harness (races P1, P2, P16).

import { describe, expect, it } from 'vitest';
import { familyDescriptor } from '../base/table.js';
import type { Transaction } from '../catalog/api.js';
import type { ProcedureType } from '../procedure/definition.js';
import { assertAllTypesCovered, checkConformance } from '../procedure/testing/harness.js';
import { AssignRegion } from './assignment/assign.js';
import { MoveRegion } from './assignment/move.js';
import { UnassignRegion } from './assignment/unassign.js';
import { procedureTypes } from './procedures.js';
import { ServerCrash } from './servers/server-crash.js';
import { CreateTable } from './tables/create-table.js';
import { DisableTable } from './tables/disable-table.js';
import { DiscardTable } from './tables/discard-table.js';
import { DropTable } from './tables/drop-table.js';
import { EnableTable } from './tables/enable-table.js';
import { FlushRegion, FlushTable } from './tables/flush-table.js';
import type { Before } from './testing/conformance-world.js';
import {
  MasterWorld,
  conformanceRegion,
  conformanceTable,
  conformanceTableId,
  firstServer,
  secondServer,
} from './testing/conformance-world.js';

interface Case<Input> {
  readonly name: string;
  readonly type: ProcedureType<Input>;
  readonly input: Input;
  readonly before: Before;
}

function scenario<Input>({ name, type, input, before }: Case<Input>) {
  return {
    name,
    type,
    check: () =>
      checkConformance<Transaction>({
        name,
        type,
        world: (hooks) => new MasterWorld(hooks, before),
        submit: (engine, options) => engine.submit(type, input, options),
        cancelPointsMax: 4,
      }),
  };
}

const table = conformanceTable;
const transit = {
  table,
  region: conformanceRegion(0),
  isRecovery: false,
  server: undefined,
};
const enabled = (...regions: NonNullable<Before['table']>['regions']): Before => ({
  table: { state: 'enabled', regions },
});

const scenarios = [
  scenario({
    name: 'opens a closed region',
    type: AssignRegion,
    input: transit,
    before: enabled('closed'),
  }),
  scenario({
    name: 'leaves an open region alone',
    type: AssignRegion,
    input: transit,
    before: enabled('open'),
  }),
  scenario({
    name: 'closes an open region',
    type: UnassignRegion,
    input: transit,
    before: enabled('open'),
  }),
  scenario({
    name: 'gives up a server that cannot close a region',
    type: UnassignRegion,
    input: transit,
    // Of an enabled table the crash's own child may open it again.
    before: { table: { state: 'disabling', regions: ['open'] }, closesFail: true },
  }),
  scenario({
    name: 'moves a region',
    type: MoveRegion,
    input: { ...transit, server: secondServer },
    before: enabled('open'),
  }),
  scenario({
    name: 'recovers two regions through their sorted log',
    type: ServerCrash,
    input: { server: firstServer },
    before: { ...enabled('open', 'open'), first: 'crashed' },
  }),
  scenario({
    name: 'makes three regions',
    type: CreateTable,
    input: {
      descriptor: { name: table, families: [familyDescriptor('f')], attributes: {} },
      splitKeys: [Buffer.from('b'), Buffer.from('c')],
    },
    before: {},
  }),
  scenario({
    name: 'opens all regions',
    type: EnableTable,
    input: { table },
    before: { table: { state: 'disabled', regions: ['closed', 'closed'] } },
  }),
  scenario({
    name: 'closes all regions',
    type: DisableTable,
    input: { table },
    before: enabled('open', 'open'),
  }),
  scenario({
    name: 'drops regions and files',
    type: DropTable,
    input: { table },
    before: { table: { state: 'disabled', regions: ['closed', 'closed'] }, files: 2 },
  }),
  scenario({
    name: 'discards what no name points to',
    type: DiscardTable,
    input: { tableId: conformanceTableId },
    before: {
      table: { state: 'dropping', regions: ['closed', 'closed'] },
      isNamed: false,
      files: 2,
    },
  }),
  scenario({
    name: 'flushes all regions',
    type: FlushTable,
    input: { table },
    before: enabled('open', 'open'),
  }),
  scenario({
    name: 'flushes a region',
    type: FlushRegion,
    input: { table, region: conformanceRegion(0) },
    before: enabled('open'),
  }),
];

describe('conformance of the master’s procedures', () => {
  it('covers every type', () => {
    expect(() => assertAllTypesCovered(procedureTypes, scenarios)).not.toThrow();
  });

  it.each(scenarios.map((each) => [`${each.type.type} ${each.name}`, each] as const))(
    '%s, however it is disturbed',
    async (_title, { check }) => {
      await check();
    },
    60_000,
  );
});
