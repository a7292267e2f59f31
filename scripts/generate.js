// Generates TypeScript from the .proto files: `node scripts/generate.js` writes it, with `--check` it
// only compares, and fails when the committed code is not what the .proto files give.
//
// buf is run through its platform binary, because the package's own launcher copies that binary in a
// postinstall script, which `npm ci --ignore-scripts` skips.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** One output folder is generated from each folder of .proto files. */
const targets = [
  { protos: 'proto/hbase', output: 'src/wire/generated/hbase' },
  { protos: 'proto/cadastre', output: 'src/wire/generated/cadastre' },
  { protos: 'proto/catalog', output: 'src/catalog/generated' },
  { protos: 'proto/procedure', output: 'src/procedure/generated' },
  { protos: 'proto/master', output: 'src/master/generated' },
  { protos: 'proto/master', output: 'src/master/generated' },
];

function bufBinary() {
  const name = `@bufbuild/buf-${process.platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'buf.exe' : 'buf';
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), 'bin', file);
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm ci without --omit=optional`, { cause });
  }
}

function generate(protos, output) {
  const plugin = join(root, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es');
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, plugin],
        out: output,
        opt: ['target=ts', 'import_extension=js', 'erasable_syntax=true'],
      },
    ],
  };
  const argumentsOfBuf = ['generate', join(root, protos), '--template', JSON.stringify(template)];
  execFileSync(bufBinary(), argumentsOfBuf, { cwd: root, stdio: 'inherit' });
}

function filesOf(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

/** The files that differ between two folders. */
function differences(fresh, committed) {
  const names = [...new Set([...filesOf(fresh), ...filesOf(committed)])];
  const text = (folder, name) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined;
  return names.filter((name) => text(fresh, name) !== text(committed, name));
}

function check(protos, output) {
  const scratch = mkdtempSync(join(tmpdir(), 'cadastre-generate-'));
  try {
    generate(protos, scratch);
    return differences(scratch, join(root, output)).map((name) => join(output, name));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const present = targets.filter(({ protos }) =>
  filesOf(join(root, protos)).some((name) => name.endsWith('.proto')),
);
if (process.argv.includes('--check')) {
  const stale = present.flatMap(({ protos, output }) => check(protos, output));
  if (stale.length > 0) {
    console.error(`generated code differs from proto/: ${stale.join(', ')}`);
    console.error('run: npm run generate');
    process.exit(1);
  }
} else {
  for (const { protos, output } of present) {
    rmSync(join(root, output), { recursive: true, force: true });
    generate(protos, join(root, output));
  }
}
