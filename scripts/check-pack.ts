/**
 * Packs the project, installs the package into an empty folder as a user would, and runs it there: what is in the
 * archive must be all it needs. Prints what it did; exits 1 at the first thing that is wrong.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TOP_LEVEL = /^(?:dist|migrations|docs|examples|package\.json|LICENSE|[A-Z]+\.md)$/;
const IMPORT_EVERYTHING = `
  const library = await import('valence');
  await import('valence/backends');
  console.log(Object.keys(library).length);
`;

const start = promisify(execFile);

/** Node 24 first, so that `#!/usr/bin/env node` finds this one. */
const environment = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };

async function run(folder: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await start(command, args, { cwd: folder, env: environment, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

async function pack(folder: string): Promise<string> {
  await run(ROOT, 'npm', 'pack', '--silent', '--pack-destination', folder);
  const [archive, ...others] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  assert(archive !== undefined && others.length === 0, 'npm pack did not write exactly one archive');
  return join(folder, archive);
}

async function install(folder: string, archive: string): Promise<string> {
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await run(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', archive);
  return join(folder, 'node_modules', 'valence');
}

async function checkContents(installed: string): Promise<void> {
  const entries = await readdir(installed);
  const strange = entries.filter((name) => !TOP_LEVEL.test(name) && name !== 'node_modules');
  assert.deepEqual(strange, [], 'the archive holds what it should not');
  for (const needed of ['dist', 'migrations', 'LICENSE', 'README.md']) {
    assert(entries.includes(needed), `${needed} is missing from the archive`);
  }
  const compiled = await readdir(join(installed, 'dist'), { recursive: true });
  const sources = compiled.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  assert.deepEqual(sources, [], 'the archive holds TypeScript sources, which Node does not run below node_modules');
  const migrations = await readdir(join(ROOT, 'migrations'));
  assert.deepEqual(await readdir(join(installed, 'migrations')), migrations, 'migrations are missing');
}

async function checkProgram(folder: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const shown = await run(folder, 'npx', '--no-install', 'valence', '--version');
  assert.equal(shown, version, '--version');
  assert.match(await run(folder, 'npx', '--no-install', 'valence', '--help'), /backup/);
  await run(folder, 'npx', '--no-install', 'valence', '--home', join(folder, 'home'), 'init');
  await writeFile(join(folder, 'import.js'), IMPORT_EVERYTHING);
  assert.notEqual(await run(folder, process.execPath, 'import.js'), '0', 'the library exports nothing');
}

const folder = await mkdtemp(join(tmpdir(), 'valence-pack-'));
try {
  const archive = await pack(folder);
  const project = join(folder, 'project');
  await checkContents(await install(project, archive));
  await checkProgram(project);
  console.log('the packed project installs and runs: --version, --help, init, import');
} finally {
  await rm(folder, { recursive: true, force: true });
}
