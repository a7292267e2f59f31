// A server's report about one region, as it is handed to the region's owner procedure. The bytes are
// kept in the procedure's record when it cannot act on them at once, so their format is durable: it
// is the wire's own message.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Sequence } from '../../base/ids.js';
import { fromWide } from '../../catalog/codec.js';
import { assert } from '../../base/assert.js';
import type { TransitionReport } from '../../wire/generated/cadastre/internal_pb.js';
import {
  TransitionKind,
  TransitionReportSchema,
} from '../../wire/generated/cadastre/internal_pb.js';

export type RegionReport =
  | { readonly kind: 'opened'; readonly openSequence: Sequence }
  | { readonly kind: 'open-failed'; readonly failure: string }
  | { readonly kind: 'closed' };

/** What the message says; undefined for a kind that this master does not know. */
export function readReport(message: TransitionReport): RegionReport | undefined {
  switch (message.kind) {
    case TransitionKind.TRANSITION_OPENED:
      return {
        kind: 'opened',
        openSequence: fromWide(message.openSequence, 'an open sequence') as Sequence,
      };
    case TransitionKind.TRANSITION_FAILED_OPEN:
      return {
        kind: 'open-failed',
        failure: message.error?.message ?? 'the server did not say why',
      };
    case TransitionKind.TRANSITION_CLOSED:
      return { kind: 'closed' };
    case TransitionKind.TRANSITION_UNKNOWN:
    default:
      return undefined;
  }
}

export function encodeReport(message: TransitionReport): Uint8Array {
  return toBinary(TransitionReportSchema, create(TransitionReportSchema, message));
}

/** The report that {@link encodeReport} made. */
export function decodeReport(payload: Uint8Array): RegionReport {
  const report = readReport(fromBinary(TransitionReportSchema, payload));
  assert(report !== undefined, 'a report is checked before it is delivered');
  return report;
}
