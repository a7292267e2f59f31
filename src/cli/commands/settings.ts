// `setting list|get|explain`: what can be set, and when to. They ask no cluster: values are given to
// each process when it starts.

import { declarationOf, settingNamed } from '../../base/settings.js';
import { settingsTable } from '../../base/settings-table.js';
import type { SettingName } from '../../base/settings-table.js';
import { printJson, printLine, printTable } from '../output.js';

interface JsonOption {
  readonly json?: boolean;
}

export async function list(options: JsonOption): Promise<void> {
  const names = Object.keys(settingsTable) as SettingName[];
  if (options.json === true) {
    await printJson(names.map((name) => ({ name, ...declarationOf(name) })));
    return;
  }
  await printTable([
    ['name', 'default', 'unit', 'restart'],
    ...names.map((name) => {
      const { default: value, unit, restart } = declarationOf(name);
      return [name, String(value), unit, restart];
    }),
  ]);
}

export async function get(text: string, options: JsonOption): Promise<void> {
  const name = settingNamed(text);
  const { default: value, unit } = declarationOf(name);
  if (options.json === true) await printJson({ name, default: value, unit });
  else await printLine(`${value} ${unit}`);
}

export async function explain(text: string, options: JsonOption): Promise<void> {
  const name = settingNamed(text);
  const { aliases = [], ...declared } = declarationOf(name);
  if (options.json === true) {
    await printJson({ name, aliases, ...declared });
    return;
  }
  await printLine(name);
  await printTable([
    ['  meaning', declared.meaning],
    ['  when to change', declared.whenToChange],
    ['  default', `${declared.default} ${declared.unit}`],
    ['  range', `${declared.min} to ${declared.max}`],
    ['  restart', declared.restart],
    ...(aliases.length === 0 ? [] : [['  also known as', aliases.join(', ')]]),
  ]);
}
