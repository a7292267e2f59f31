// Settings: how they are declared, parsed and looked up. The table of all of them is in
// `settings-table.ts`; docs/reference/settings.md is generated from it.
//
// Invariants: a name is known or it is refused with the nearest one; a value is in its range or it is
// refused with the range. Nothing reads a setting by a text that the compiler has not checked.

import { CadastreError } from './errors.js';
import { settingsTable, type SettingDeclaration, type SettingName } from './settings-table.js';

/** The values in force in one process. */
export class Settings {
  readonly #given: ReadonlyMap<SettingName, number>;

  private constructor(given: ReadonlyMap<SettingName, number>) {
    this.#given = given;
  }

  static defaults(): Settings {
    return new Settings(new Map());
  }

  /** Parses `name → text`. Throws `unknown-setting` or `bad-request`, naming the nearest or the range. */
  static parse(texts: Readonly<Record<string, string>>): Settings {
    const given = new Map<SettingName, number>();
    for (const [text, value] of Object.entries(texts)) {
      const name = settingNamed(text);
      given.set(name, parseValue(name, value));
    }
    return new Settings(given);
  }

  get(name: SettingName): number {
    return this.#given.get(name) ?? settingsTable[name].default;
  }

  /** What differs from the defaults, as it can be parsed again. */
  given(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#given].map(([name, value]) => [name, String(value)]));
  }
}

/** The setting a text names, by its name or an alias. */
export function settingNamed(text: string): SettingName {
  if (isSettingName(text)) return text;
  const names = Object.keys(settingsTable) as SettingName[];
  const aliased = names.find((name) => declarationOf(name).aliases?.includes(text) === true);
  if (aliased !== undefined) return aliased;
  const nearest = [...names].sort((a, b) => distance(a, text) - distance(b, text))[0];
  throw new CadastreError('unknown-setting', `there is no setting "${text}"`, {
    nextStep: `The nearest is "${nearest}"; "cadastre setting list" shows all.`,
  });
}

export function declarationOf(name: SettingName): SettingDeclaration {
  return settingsTable[name];
}

function isSettingName(text: string): text is SettingName {
  return Object.hasOwn(settingsTable, text);
}

const multipliers: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseValue(name: SettingName, text: string): number {
  const declared = declarationOf(name);
  const match = /^(-?\d+(?:\.\d+)?)\s*([kmg])?(?:i?b)?$/i.exec(text.trim());
  const suffix = match?.[2]?.toLowerCase();
  const allowed = match !== null && (suffix === undefined || declared.unit === 'bytes');
  const value = allowed
    ? Number(match[1]) * (suffix === undefined ? 1 : (multipliers[suffix] ?? 1))
    : NaN;
  const whole = declared.fraction === true || Number.isInteger(value);
  if (!whole || !(value >= declared.min && value <= declared.max)) {
    throw new CadastreError('bad-request', `"${text}" is no value for the setting ${name}`, {
      nextStep: `Give a ${declared.fraction === true ? '' : 'whole '}number from ${declared.min} to ${declared.max} (${declared.unit}).`,
    });
  }
  return value;
}

/** Levenshtein's distance, for "did you mean". */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(
        Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + change),
      );
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
