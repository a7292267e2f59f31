// 64-bit numbers of the protocol as two unsigned 32-bit halves: no BigInt on hot paths, and no
// rounding. Where a number counts something of ours, it must be a safe integer, and is checked here.

import { CadastreError } from '../base/errors.js';

export interface Uint64 {
  readonly high: number;
  readonly low: number;
}

const two32 = 2 ** 32;
const safeHighMax = 2 ** 21 - 1;

/** The value, if it is a safe integer; else `bad-request` naming `what`. */
export function toSafeNumber(high: number, low: number, what: string): number {
  if (high <= safeHighMax) return high * two32 + low;
  throw new CadastreError('bad-request', `${what} ${formatUint64(high, low)} is above 2^53`);
}

/** Halves of a non-negative safe integer. */
export function fromSafeNumber(value: number): Uint64 {
  return { high: Math.floor(value / two32), low: value >>> 0 };
}

/** Decimal digits of an unsigned 64-bit number. */
export function formatUint64(high: number, low: number): string {
  if (high <= safeHighMax) return String(high * two32 + low);
  // Long division by 10^4 over limbs of 16 bits: every step stays far below 2^53.
  const limbs = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff];
  let digits = '';
  while (limbs.some((limb) => limb !== 0)) {
    let remainder = 0;
    for (let i = 0; i < 4; i++) {
      const value = remainder * 65_536 + (limbs[i] as number);
      limbs[i] = Math.floor(value / 10_000);
      remainder = value % 10_000;
    }
    digits = String(remainder).padStart(4, '0') + digits;
  }
  return digits.replace(/^0+/, '');
}

/** The halves of decimal digits; `bad-request` if they are not an unsigned 64-bit number. */
export function parseUint64(text: string): Uint64 {
  if (!/^\d{1,20}$/.test(text)) {
    throw new CadastreError('bad-request', `'${text}' is not an unsigned 64-bit number`);
  }
  let high = 0;
  let low = 0;
  for (const digit of text) {
    const value = low * 10 + Number(digit);
    low = value % two32;
    high = high * 10 + Math.floor(value / two32);
  }
  if (high < two32) return { high, low };
  throw new CadastreError('bad-request', `'${text}' is above 2^64`);
}

/** A number of generated code that must be a non-negative safe integer; else `bad-request`. */
export function safeNumberOf(value: bigint, what: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new CadastreError('bad-request', `${what} ${value} is not a safe integer`);
}
