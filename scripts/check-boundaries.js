// Holds the import rule of the layout (ARCHITECTURE.md, "Folders"): a folder imports only folders above
// it in the list, and of world/ only its interfaces; catalog and procedure do not know each other; no
// module reaches itself again through its imports. Prints each breach and exits with 1.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const layers = [
  'base',
  'world',
  'storage',
  'wire',
  'region',
  'catalog',
  'procedure',
  'master',
  'server',
  'client',
  'admin',
  'console',
  'cli',
];
/** Folders that may not import each other although the order allows one way. */
const strangers = [
  ['procedure', 'catalog'],
  ['server', 'master'],
  ['server', 'catalog'],
  ['client', 'master'],
  ['client', 'server'],
];
/** Who chooses the world: processes, tests, and threads that start a world of their own. */
const worldChoosers = [
  /^src\/world\//,
  /^src\/cli\//,
  /\.test\.ts$/,
  /\/testing\//,
  /^src\/client\/node\.ts$/,
];
const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'(\.[^']+)'|import\('(\.[^']+)'\)/g;

const files = ['src', 'sim', 'bench', 'test'].flatMap((root) => filesBelow(root));
const imports = new Map(files.map((file) => [file, importsOf(file)]));
const breaches = [...layerBreaches(), ...cycles()];
for (const breach of breaches) process.stdout.write(`${breach}\n`);
process.stdout.write(`boundaries: ${files.length} files, ${breaches.length} breaches\n`);
process.exitCode = breaches.length === 0 && files.length > 0 ? 0 : 1;

function filesBelow(root) {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((name) => name.endsWith('.ts') && !name.includes('/generated/'));
}

function importsOf(file) {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...text.matchAll(importPattern)].map(([, from, dynamic]) =>
    normalize(join(dirname(file), from ?? dynamic)).replace(/\.js$/, '.ts'),
  );
}

function layerOf(file) {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

function* layerBreaches() {
  for (const [file, targets] of imports) {
    const isTest = /\.test\.ts$|\/testing\//.test(file);
    for (const target of targets) {
      const [from, to] = [layerOf(file), layerOf(target)];
      if (from !== undefined && to === undefined) yield `${file} imports ${target}, outside src`;
      if (from === undefined || to === undefined) continue;
      if (!isTest && layers.indexOf(to) > layers.indexOf(from)) {
        yield `${file} imports ${target}: ${to} stands below ${from}`;
      }
      if (!isTest && strangers.some(([a, b]) => a === from && b === to)) {
        yield `${file} imports ${target}: ${from} must not know ${to}`;
      }
      const isWorldPart = /^src\/world\/(real|s3|simulated)\//.test(target);
      if (isWorldPart && !worldChoosers.some((pattern) => pattern.test(file))) {
        yield `${file} imports ${target}: only the world's interfaces (L8)`;
      }
    }
  }
}

/** Depth first; a way back to a module that is still open is a cycle. */
function* cycles() {
  const done = new Set();
  for (const start of imports.keys()) {
    const path = [];
    const stack = [[start, 0]];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const [file, next] = top;
      if (next === 0) path.push(file);
      const target = done.has(file) ? undefined : imports.get(file)?.[next];
      if (target === undefined) {
        done.add(file);
        path.pop();
        stack.pop();
        continue;
      }
      top[1] += 1;
      if (path.includes(target))
        yield `cycle: ${[...path.slice(path.indexOf(target)), target].join(' → ')}`;
      else if (!done.has(target) && imports.has(target)) stack.push([target, 0]);
    }
  }
}
