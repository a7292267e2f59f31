// The system's own record, settings, and switches such as the balancer's.

import type { Timeline } from '../../base/ids.js';
import { fromWide, messageCodec, toWide } from '../codec.js';
import { SettingSchema, SwitchSchema, SystemSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

/** One per catalog, written by its first opening. */
export interface SystemRecord {
  readonly clusterId: string;
  readonly timeline: Timeline;
  /** Every counter below it may have been given out; ids are (timeline, counter). */
  readonly nextCounter: number;
  /** The version that all servers agreed to speak (page 4, "Versions"). */
  readonly clusterVersion: number;
}

export const systemKind = defineKind<readonly [], SystemRecord>({
  name: 'system',
  type: 1,
  shape: [],
  // A restore goes on counting where the world before it was (L5).
  onRestore: 'merge',
  temperature: 'hot',
  ...messageCodec(
    SystemSchema,
    (value: SystemRecord) => ({
      ...value,
      nextCounter: toWide(value.nextCounter, 'the next counter'),
    }),
    (message) => ({
      clusterId: message.clusterId,
      timeline: message.timeline as Timeline,
      nextCounter: fromWide(message.nextCounter, 'the next counter'),
      clusterVersion: message.clusterVersion,
    }),
  ),
});

/** setting/<name>: a setting that an operator changed, as text; the settings table gives the type. */
export const settingKind = defineKind<readonly [name: string], string>({
  name: 'setting',
  type: 13,
  shape: ['string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    SettingSchema,
    (value: string) => ({ value }),
    (message) => message.value,
  ),
});

/** switch/<name>: whether something that runs by itself may, such as `balancer`. */
export const switchKind = defineKind<readonly [name: string], boolean>({
  name: 'switch',
  type: 14,
  shape: ['string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    SwitchSchema,
    (on: boolean) => ({ on }),
    (message) => message.on,
  ),
});
