// docs/reference/settings.md is this rendering of the table: `npx vitest run src/base -u` writes it anew.

import { describe, expect, it } from 'vitest';
import type { SettingDeclaration } from './settings-table.js';
import { settingsTable } from './settings-table.js';

const units: Readonly<Record<SettingDeclaration['unit'], string>> = {
  bytes: 'bytes',
  ms: 'ms',
  s: 's',
  count: '',
  ratio: '',
  attempts: 'attempts',
  none: '',
};

const restarts: Readonly<Record<SettingDeclaration['restart'], string>> = {
  none: 'at once',
  server: 'after a restart of the region servers',
  master: 'after a restart of the master',
  both: 'after a restart of everything',
};

function amount(value: number, unit: SettingDeclaration['unit']): string {
  if (unit === 'bytes' && value >= 1024) {
    const power =
      value % 2 ** 30 === 0 ? 3 : value % 2 ** 20 === 0 ? 2 : value % 2 ** 10 === 0 ? 1 : 0;
    const suffix = ['', 'k', 'm', 'g'][power] ?? '';
    return `${value / 1024 ** power}${suffix}`;
  }
  return `${value} ${units[unit]}`.trim();
}

function section(name: string, declared: SettingDeclaration): string {
  const { unit, min, max, restart, meaning, whenToChange, aliases = [] } = declared;
  return [
    `## ${name}`,
    '',
    meaning,
    '',
    `- **Default:** ${amount(declared.default, unit)}, from ${amount(min, unit)} to ${amount(max, unit)}`,
    `- **A change takes effect** ${restarts[restart]}`,
    ...(aliases.length === 0
      ? []
      : [`- **Also known as** ${aliases.map((a) => `\`${a}\``).join(', ')}`]),
    `- **When to change it:** ${whenToChange}`,
    '',
  ].join('\n');
}

describe('the settings reference', () => {
  it('says what each setting means and when to change it (R-C2)', async () => {
    const page = [
      '# Settings',
      '',
      'Given as `--set name=value` to `start`, `master` and `server`; `cadastre setting list` shows them.',
      'Sizes may end in `k`, `m` or `g`. An unknown name is refused, with the nearest one.',
      'This page is made from `src/base/settings-table.ts`.',
      '',
      ...Object.entries(settingsTable).map(([name, declared]) => section(name, declared)),
    ].join('\n');
    await expect(page).toMatchFileSnapshot('../../docs/reference/settings.md');
  });
});
