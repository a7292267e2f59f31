// The version of this software, from the package it came in.

import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ version: z.string() });

export function readVersion(): string {
  // The sources stand one folder nearer to it than what is compiled of them.
  const places = ['../..', '../../..'].map((up) => new URL(`${up}/package.json`, import.meta.url));
  const file = places.find((place) => existsSync(place)) ?? 'package.json';
  return packageSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
