// Region servers for the conformance harness: no network, only the engine's own messages, which are
// lost, doubled and late as the harness says. They obey at once, but for closes where a scenario wants
// them to fail.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { unreachable } from '../../base/assert.js';
import { CadastreError } from '../../base/errors.js';
import type { Incarnation, Sequence } from '../../base/ids.js';
import type { RemoteOperation } from '../../procedure/api.js';
import { SimulatedServers } from '../../procedure/testing/simulated-servers.js';
import type { Answers } from '../../procedure/testing/simulated-servers.js';
import type { TransitionReport } from '../../wire/generated/cadastre/internal_pb.js';
import {
  OperationKind,
  TransitionReportSchema,
} from '../../wire/generated/cadastre/internal_pb.js';
import type { RemoteOperation as Operation, SortLog } from '../../wire/internal.js';
import { TransitionKind, decodeOperation, encodeSortLogResult } from '../../wire/internal.js';
import type { Clock } from '../../world/clock.js';
import type { AssembledMaster } from '../assemble.js';
import { takeReport } from '../servers/reports.js';

interface PendingReport {
  readonly server: Incarnation;
  readonly message: TransitionReport;
}

const reportMs = 10;
const hearMs = 500;
const lateMs = 5_000;

const kinds: Readonly<Record<string, OperationKind>> = {
  open: OperationKind.OPERATION_OPEN_REGION,
  close: OperationKind.OPERATION_CLOSE_REGION,
  flush: OperationKind.OPERATION_FLUSH_REGION,
  'sort-log': OperationKind.OPERATION_SORT_LOG,
};

export class DirectServers {
  readonly servers: SimulatedServers;
  readonly #answers: Answers;
  readonly #closesFail: boolean;
  readonly #seen = new Set<PendingReport>();
  #pending: PendingReport[] = [];
  #sorted = 0;

  constructor(
    clock: Clock,
    incarnations: readonly Incarnation[],
    { answers, closesFail }: { readonly answers: Answers; readonly closesFail: boolean },
  ) {
    this.#answers = answers;
    this.#closesFail = closesFail;
    this.servers = new SimulatedServers(clock, (server, op) => this.#execute(server, op), answers);
    for (const incarnation of incarnations) this.servers.add(incarnation);
  }

  /** A new master, which they speak to from now on. */
  connect(clock: Clock, { parts }: AssembledMaster): void {
    this.servers.connect(clock, parts.engine);
    const hear = () => {
      for (const server of this.servers.ids) parts.registry.find(server)?.hear(clock.monotonic());
      clock.timer(hearMs, hear);
    };
    const report = () => {
      this.#pending = this.#pending.filter((pending) => !this.#report(parts, pending));
      clock.timer(this.#answers === 'late' ? lateMs : reportMs, report);
    };
    hear();
    clock.timer(reportMs, report);
  }

  /** Whether the report is over with. */
  #report(parts: AssembledMaster['parts'], pending: PendingReport): boolean {
    const isFirst = !this.#seen.has(pending);
    this.#seen.add(pending);
    if (isFirst && this.#answers === 'request-lost') return false;
    const answer = takeReport(parts, pending.server, pending.message);
    if (this.#answers === 'double') takeReport(parts, pending.server, pending.message);
    if (answer.kind === 'later') return false;
    return !(isFirst && this.#answers === 'lost');
  }

  #execute(server: Incarnation, received: RemoteOperation): Uint8Array {
    const kind = kinds[received.kind] ?? OperationKind.OPERATION_UNKNOWN;
    const operation = decodeOperation({ kind, body: received.body });
    if (operation.kind === 'sort-log') return this.#sort(server, operation);
    if (operation.kind === 'close' && this.#closesFail) {
      throw new CadastreError('disk-full', 'the region could not be flushed');
    }
    const report = reportOf(operation);
    if (report !== undefined) {
      const message = create(TransitionReportSchema, {
        ...report,
        procedureId: BigInt(received.procedure),
        operationNumber: BigInt(received.number),
      });
      this.#pending.push({ server, message });
    }
    return new Uint8Array(0);
  }

  /** As if every region that is asked for had one edit of 10 bytes. */
  #sort(server: Incarnation, { regions }: SortLog): Uint8Array {
    return encodeSortLogResult({
      object: `data/00/${server}-${++this.#sorted}-sorted`,
      bytes: regions.length * 10,
      crc32: 0,
      regions: regions.map(({ regionId }, index) => ({
        regionId,
        offset: index * 10,
        bytes: 10,
        entries: 1,
        sequenceMin: 5 as Sequence,
        sequenceMax: 5 as Sequence,
      })),
    });
  }
}

function reportOf(
  operation: Exclude<Operation, SortLog>,
): MessageInitShape<typeof TransitionReportSchema> | undefined {
  switch (operation.kind) {
    case 'open':
      return {
        regionId: BigInt(operation.region.regionId),
        generation: BigInt(operation.generation),
        kind: TransitionKind.TRANSITION_OPENED,
        openSequence: BigInt(operation.openSequenceMin + 1),
      };
    case 'close':
      return {
        regionId: BigInt(operation.regionId),
        generation: BigInt(operation.generation),
        kind: TransitionKind.TRANSITION_CLOSED,
      };
    case 'flush':
    case 'compact':
      return undefined;
    default:
      return unreachable(operation);
  }
}
