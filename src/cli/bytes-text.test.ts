import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBytes, showBytes, toJsonBytes } from './bytes-text.js';
import { parseAddresses } from './cluster-address.js';

const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
);

describe('bytes', () => {
  it('are read back as they are shown, and shown in one line', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        expect(parseBytes(showBytes(bytes)).equals(bytes)).toBe(true);
        expect(showBytes(bytes)).not.toMatch(/[\n\r\0]/);
      }),
    );
  });

  it('are text in JSON if they are UTF-8, and base64 otherwise', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        const shown = toJsonBytes(bytes);
        const back =
          typeof shown === 'string' ? Buffer.from(shown) : Buffer.from(shown.base64, 'base64');
        expect(back.equals(bytes)).toBe(true);
      }),
    );
    expect(toJsonBytes(Buffer.from('é'))).toBe('é');
    expect(toJsonBytes(Buffer.from([0xff]))).toEqual({ base64: '/w==' });
  });

  it('with a backslash that starts nothing are refused', () => {
    expect(() => parseBytes('a\\q')).toThrow('backslash');
  });
});

describe('addresses', () => {
  it('are host:port, several of them by commas', () => {
    expect(parseAddresses('a:1, [::1]:65535', '--connect')).toEqual([
      { host: 'a', port: 1 },
      { host: '::1', port: 65_535 },
    ]);
  });

  it.each(['', 'host', 'host:', ':1', 'host:0', 'host:65536', 'a:1,,b:2'])(
    'refuse "%s"',
    (text) => {
      expect(() => parseAddresses(text, '--connect')).toThrow('is not host:port');
    },
  );
});
