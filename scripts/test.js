// Runs the whole test suite: vitest over all tests, then two minutes of the simulated cluster. Ends with
// one plain line `N passed, N failed`, which scripts can read; exits non-zero if anything failed.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const work = mkdtempSync(join(tmpdir(), 'cadastre-test-'));
const counts = { passed: 0, failed: 0 };

const results = join(work, 'vitest.json');
const vitest = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
try {
  const summary = JSON.parse(readFileSync(results, 'utf8'));
  counts.passed += summary.numPassedTests;
  counts.failed += summary.numFailedTests;
  // A file that could not be loaded has no tests to fail.
  if (vitest.status !== 0 && summary.numFailedTests === 0) counts.failed += 1;
} catch {
  counts.failed += 1;
}
rmSync(work, { recursive: true, force: true });

const simulation = spawnSync(process.execPath, ['dist/sim/main.js', '--minutes', '2'], {
  stdio: 'inherit',
});
if (simulation.status === 0) counts.passed += 1;
else counts.failed += 1;

process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;
