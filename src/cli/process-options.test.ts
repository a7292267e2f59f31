import { describe, expect, it } from 'vitest';
import { UsageError } from './errors.js';
import { parseProcessOptions } from './process-options.js';

const usual = { root: './data', host: '127.0.0.1', set: [], logLevel: 'warn' };

function refusal(given: Readonly<Record<string, unknown>>): UsageError {
  try {
    parseProcessOptions({ ...usual, ...given });
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the options of start, master and server', () => {
  it('are read with their settings', () => {
    const options = parseProcessOptions({
      ...usual,
      port: '16000',
      servers: '3',
      set: ['cadastre.log.bytes=64m'],
    });
    expect(options).toMatchObject({ port: 16_000, servers: 3, root: './data' });
    expect(options.settings.get('cadastre.log.bytes')).toBe(64 * 2 ** 20);
  });

  it('are refused by name, with the value and what it may be', () => {
    expect(refusal({ port: 'abc' }).message).toBe(
      '--port abc: give a whole number from 0 to 65535',
    );
    expect(refusal({ servers: '0' }).message).toContain('--servers 0');
    expect(refusal({ logLevel: 'loud' }).message).toContain('--log-level loud');
    expect(refusal({ set: ['nothing'] }).message).toContain('nothing has no "="');
    expect(refusal({ set: ['cadastre.log.byts=1'] }).nextStep).toContain('cadastre.log.bytes');
  });

  it('listen on other than loopback addresses only when told so', () => {
    expect(refusal({ host: '0.0.0.0' }).nextStep).toContain('--insecure');
    expect(parseProcessOptions({ ...usual, host: '0.0.0.0', insecure: true }).host).toBe('0.0.0.0');
  });
});
