/**
 * Sums the JSON reports that Vitest wrote into a folder and prints `N passed, N failed`. Usage:
 * `node scripts/test-total.ts FOLDER [FAILED_STEP…]`. A step that failed without a failed test, such as the linter,
 * counts as one failure. Exits 1 when anything failed or nothing ran.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

const [folder, ...failedSteps] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node scripts/test-total.ts FOLDER [FAILED_STEP…]');

const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
const texts = await Promise.all(names.map(async (name) => await readFile(join(folder, name), 'utf8')));
const reports = texts.map((text) => JSON.parse(text) as Report);
const passed = sum(reports.map((report) => report.numPassedTests));
const failedTests = sum(reports.map((report) => report.numFailedTests));
const failed = failedTests === 0 ? failedSteps.length : failedTests;
for (const step of failedSteps) console.log(`failed: ${step}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
