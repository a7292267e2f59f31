import { describe, expect, it } from 'vitest';
import { CadastreError } from '../../base/errors.js';
import { pinoLogger, type LogOptions } from './logger.js';

function logged(
  options: LogOptions,
  log: (logger: ReturnType<typeof pinoLogger>) => void,
): string[] {
  const lines: string[] = [];
  log(pinoLogger({ ...options, destination: { write: (line) => lines.push(line) } }));
  return lines;
}

describe('pinoLogger', () => {
  it('writes one JSON object a line, with the fields of its parents and no pid of its own', () => {
    const [line = ''] = logged({}, ({ logger }) =>
      logger.with({ server: 7 }).info('opened', { region: 'a b', pid: 12 }),
    );
    expect(line.endsWith('}\n')).toBe(true);
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(String(time)).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(rest).toEqual({ level: 'info', server: 7, region: 'a b', pid: 12, msg: 'opened' });
  });

  it('writes nothing below its level', () => {
    const lines = logged({ level: 'warn' }, ({ logger }) => {
      logger.debug('no');
      logger.info('no');
      logger.warn('yes');
      logger.error('yes');
    });
    expect(lines).toHaveLength(2);
  });

  it('writes short lines for people, with the causes and quoted values', () => {
    const cause = new CadastreError('storage-unavailable', 'no sync', { cause: new Error('EIO') });
    const lines = logged({ pretty: true, level: 'debug' }, ({ logger }) => {
      logger.error('flush failed', { region: 'a b', took_ms: 3 }, cause);
      logger.debug('plain');
    });
    expect(lines.map((line) => line.replace(/^[\d:.]{12}/, 'TIME'))).toEqual([
      'TIME ERROR flush failed (storage-unavailable: no sync; because of Error: EIO) ' +
        'region="a b" took_ms=3\n',
      'TIME DEBUG plain\n',
    ]);
  });
});
