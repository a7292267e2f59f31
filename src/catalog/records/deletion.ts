// What waits for deletion, and what holds objects that no region refers to yet (L6).

import type { Revision } from '../../base/ids.js';
import type { LogPosition } from '../../storage/log.js';
import {
  NameCodec,
  decodePosition,
  encodePosition,
  fromWide,
  messageCodec,
  toWide,
} from '../codec.js';
import { CandidateSchema, ClaimSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

/** `deleting`: the collector may be deleting it now; no reference can be added any more. */
export type CandidateState = 'waiting' | 'deleting';

export interface CandidateRecord {
  /** Readers at revisions from `birth` to before `death` may need it. */
  readonly birth: Revision;
  readonly death: Revision;
  readonly state: CandidateState;
  /** 0 where it is not known. */
  readonly bytes: number;
  /** Of a log: it is released below here. Undefined for an object. */
  readonly until: LogPosition | undefined;
}

/**
 * An object: ('object', its name, 0). A range of a log: ('log', the log's name, the sequence where
 * the range ends), so that the ranges of a log stand in order.
 */
export type CandidateKey = readonly [of: string, name: string, sequence: number];

export function objectCandidate(object: string): CandidateKey {
  return ['object', object, 0];
}

export function logCandidate(log: string, until: LogPosition): CandidateKey {
  return ['log', log, until.sequence];
}

const states = new NameCodec<CandidateState>('candidate state', ['waiting', 'deleting']);

/** candidate/object|log/<name>/<sequence>. Written by references.ts and log-needs.ts only. */
export const candidateKind = defineKind<CandidateKey, CandidateRecord>({
  name: 'candidate',
  type: 15,
  shape: ['string', 'string', 'number'],
  // What waited in the world before a restore still waits after it.
  onRestore: 'merge',
  temperature: 'hot',
  ...messageCodec(
    CandidateSchema,
    ({ birth, death, state, bytes, until }: CandidateRecord) => ({
      birth: toWide(birth, "a candidate's birth"),
      death: toWide(death, "a candidate's death"),
      state: states.encode(state),
      bytes: toWide(bytes, "a candidate's bytes"),
      ...(until === undefined ? {} : { until: encodePosition(until) }),
    }),
    (message) => ({
      birth: fromWide(message.birth, "a candidate's birth") as Revision,
      death: fromWide(message.death, "a candidate's death") as Revision,
      state: states.decode(message.state),
      bytes: fromWide(message.bytes, "a candidate's bytes"),
      until: message.until === undefined ? undefined : decodePosition(message.until),
    }),
  ),
});

/** An object that a running procedure has declared as an input or an output. */
export interface ClaimRecord {
  readonly object: string;
  readonly bytes: number;
  readonly birth: Revision;
}

/** claim/<holder>/<object> */
export const claimKind = defineKind<readonly [holder: string, object: string], ClaimRecord>({
  name: 'claim',
  type: 16,
  shape: ['string', 'string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    ClaimSchema,
    (value: ClaimRecord) => ({
      object: value.object,
      bytes: toWide(value.bytes, "a claim's bytes"),
      birth: toWide(value.birth, "a claim's birth"),
    }),
    (message) => ({
      object: message.object,
      bytes: fromWide(message.bytes, "a claim's bytes"),
      birth: fromWide(message.birth, "a claim's birth") as Revision,
    }),
  ),
  references: (claim) => [claim],
});
