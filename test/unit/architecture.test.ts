import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileNameProblem } from '../../scripts/lint/file-names.ts';
import { importProblem } from '../../scripts/lint/import-rules.ts';
import { LAYERS } from '../../scripts/lint/layers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function judge(file: string, specifier: string, typeOnly = false): string | null {
  return importProblem({ file: `src/${file}`, specifier, typeOnly });
}

describe('import rules', () => {
  it.for([
    ['the checker does not trust the writer', 'verify/audit.ts', '../pipeline/snapshot.ts'],
    ['the writer does not lean on the checker', 'pipeline/snapshot.ts', '../verify/audit.ts'],
    ['a backend sees only sealed bytes', 'backends/directory.ts', '../format/tables.ts'],
    ['a backend sees only sealed bytes', 'backends/s3/client.ts', '../../format/keys/bundle.ts'],
    ['a peer sees only sealed bytes', 'mesh/server.ts', '../format/sealing/stripe.ts'],
    ['a folder that starts like an allowed one is another', 'backends/directory.ts', '../format/sharded/name.ts'],
    ['the write side knows no backend but the contract', 'pipeline/place.ts', '../backends/directory.ts'],
    ['the read side does not know the write side', 'vault/holders.ts', '../pipeline/place.ts'],
    ['backup needs no database', 'pipeline/snapshot.ts', '../schema/database.ts'],
    ['backup needs no database', 'pipeline/snapshot.ts', '../catalog/chunk-map.ts'],
    ['backup needs no database', 'pipeline/snapshot.ts', '../graph/source.ts'],
    ['restore needs no database', 'vault/holders.ts', '../schema/database.ts'],
    ['verify needs no database', 'verify/audit.ts', '../catalog/heads.ts'],
    ['core imports nothing of ours', 'core/ports.ts', '../format/tables.ts'],
    ['config knows core only', 'config/file.ts', '../schema/database.ts'],
    ['schema knows no format', 'schema/copy-out.ts', '../format/tables.ts'],
    ['graph and catalog do not know each other', 'graph/source.ts', '../catalog/heads.ts'],
    ['the command line goes through app', 'cli/main.ts', '../schema/database.ts'],
    ['the command line goes through app', 'cli/commands/backup/run.ts', '../../../pipeline/snapshot.ts'],
    ['nothing imports the command line', 'app/backup.ts', '../cli/exit.ts'],
    ['nothing below imports the wiring', 'graph/source.ts', '../app.ts'],
    ['nothing leaves src', 'cli/version.ts', '../../package.json'],
    ['nothing leaves src', 'core/clock.ts', '../../test/support/clock.ts'],
  ] as const)('%s: %s may not import %s', ([, file, specifier]) => {
    expect(judge(file, specifier)).not.toBeNull();
    expect(judge(file, specifier, true)).not.toBeNull();
  });

  it.for([
    ['pg', 'graph/source.ts'],
    ['pg', 'pipeline/snapshot.ts'],
    ['pg-copy-streams', 'graph/source.ts'],
    ['@electric-sql/pglite', 'app/open.ts'],
    ['@electric-sql/pglite-pgvector', 'graph/source.ts'],
    ['kysely', 'pipeline/snapshot.ts'],
    ['kysely', 'cli/main.ts'],
    ['yaml', 'cli/main.ts'],
    ['zod', 'format/tables.ts'],
    ['@stricli/core', 'app.ts'],
    ['@clack/prompts', 'app/open.ts'],
    ['pino', 'core/log.ts'],
    ['@noble/hashes/argon2.js', 'vault/open.ts'],
    ['node:worker_threads', 'format/erasure/codec.ts'],
    ['node:worker_threads', 'schema/worker.ts'],
    ['pg-boss', 'jobs/run.ts'],
    ['fast-check', 'core/ids.ts'],
  ] as const)('%s is not imported in %s', ([specifier, file]) => {
    expect(judge(file, specifier)).not.toBeNull();
  });

  it.for([
    ['format/tables.ts', 'node:fs'],
    ['format/tables.ts', 'node:fs/promises'],
    ['format/tables.ts', 'node:http'],
    ['format/tables.ts', 'node:timers/promises'],
    ['placement/choose-holders.ts', 'node:os'],
    ['format/keys/bundle.ts', '../../core/clock.ts'],
    ['format/keys/bundle.ts', '../../core/random.ts'],
    ['format/keys/bundle.ts', '../../core/files.ts'],
    ['placement/choose-holders.ts', '../core/random.ts'],
  ] as const)('%s is pure: no %s', ([file, specifier]) => {
    expect(judge(file, specifier)).not.toBeNull();
  });

  it.for([
    ['format/keys/bundle.ts', '../../core/random.ts', true],
    ['format/keys/bundle.ts', '../../core/errors.ts', false],
    ['format/keys/bundle.ts', '../shard/name.ts', false],
    ['format/keys/bundle.ts', 'node:crypto', false],
    ['format/keys/bundle.ts', '@noble/post-quantum/hybrid.js', false],
    ['format/shard/name.ts', 'node:crypto', false],
    ['core/random.ts', 'node:crypto', false],
    ['core/files.ts', 'node:fs/promises', false],
    ['backends/directory.ts', '../format/shard/merkle.ts', false],
    ['backends/directory.ts', './backend.ts', false],
    ['pipeline/place.ts', '../backends/backend.ts', false],
    ['pipeline/erasure-worker.ts', 'node:worker_threads', false],
    ['schema/postgres-database.ts', 'pg', false],
    ['graph/queries.ts', 'kysely', false],
    ['cli/commands/backup/run.ts', '../../../app/backup-calls.ts', false],
    ['cli/main.ts', 'zod', false],
    ['app/open.ts', '../pipeline/snapshot.ts', false],
    ['app.ts', './app/open.ts', false],
    ['index.ts', './app.ts', false],
  ] as const)('%s may import %s', ([file, specifier, typeOnly]) => {
    expect(judge(file, specifier, typeOnly)).toBeNull();
  });

  it('asks for a layer when a folder is new', () => {
    expect(judge('dashboard/server.ts', '../core/errors.ts')).toContain('is no layer');
  });

  it('leaves tests and scripts alone', () => {
    expect(
      importProblem({ file: 'test/unit/a.test.ts', specifier: '../../src/cli/main.ts', typeOnly: false }),
    ).toBeNull();
  });
});

/** All layers that `start` can reach by any number of allowed imports. */
function reach(start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    waiting.push(...(LAYERS[name]?.imports ?? []).map((path) => path.split('/', 1)[0] ?? path));
  }
  return reached;
}

describe('the layers as a whole', () => {
  const databaseFree = ['vault', 'pipeline', 'verify', 'format', 'placement', 'backends', 'mesh'];

  it.for(databaseFree)('%s reaches no database, not even through others', (name) => {
    const reached = reach(name);
    expect([...reached].filter((other) => ['schema', 'catalog', 'graph', 'jobs'].includes(other))).toEqual([]);
    const packages = [...reached].flatMap((other) => LAYERS[other]?.packages ?? []);
    expect(packages.filter((used) => ['pg', 'pg-copy-streams', 'kysely', 'pg-boss'].includes(used))).toEqual([]);
  });

  it('verify never reaches pipeline, and nothing but app and index reaches everything', () => {
    expect(reach('verify').has('pipeline')).toBe(false);
    for (const name of Object.keys(LAYERS)) expect(reach(name).has('cli')).toBe(name === 'cli');
  });

  it('has no cycle but that of the files which wire it', () => {
    const wiring = new Set(['app', 'app.ts', 'index.ts', 'cli']);
    for (const [name, layer] of Object.entries(LAYERS)) {
      if (wiring.has(name)) continue;
      for (const path of layer.imports) expect(reach(path.split('/', 1)[0] ?? path).has(name)).toBe(false);
    }
  });
});

describe('file names', () => {
  it.for(['utils.ts', 'string-utils.ts', 'helpers/rows.ts', 'common.ts', 'types.d.ts', 'job-manager.ts', 'service.ts'])(
    'refuses %s',
    (path) => {
      expect(fileNameProblem(`src/core/${path}`)).not.toBeNull();
    },
  );

  it.for(['column-types.ts', 'commonplace.ts', 'restore.services.test.ts', 'shard.ts'])('accepts %s', (path) => {
    expect(fileNameProblem(`src/core/${path}`)).toBeNull();
  });
});

/** Each of these files must be refused by `oxlint` itself, under the rule named. */
const REFUSED: Readonly<Record<string, readonly [rule: string, code: string]>> = {
  'src/verify/static.ts': ['valence(layers)', `import { a } from '../pipeline/a.ts';\nexport const b = a;\n`],
  'src/verify/type.ts': ['valence(layers)', `import type { A } from '../pipeline/a.ts';\nexport type B = A;\n`],
  'src/verify/inline.ts': ['valence(layers)', `export type B = import('../pipeline/a.ts').A;\n`],
  'src/verify/named.ts': ['valence(layers)', `export { a } from '../pipeline/a.ts';\n`],
  'src/verify/all.ts': ['valence(layers)', `export * from '../pipeline/a.ts';\n`],
  'src/verify/dynamic.ts': ['valence(layers)', `export const a = await import('../pipeline/a.ts');\n`],
  'src/verify/computed.ts': ['valence(layers)', `export const a = (b: string) => import(b);\n`],
  'src/verify/effect.ts': ['valence(layers)', `import '../pipeline/a.ts';\n`],
  'src/pipeline/now.ts': ['valence(determinism)', `export const a = Date.now();\n`],
  'src/pipeline/date.ts': ['valence(determinism)', `export const a = new Date();\n`],
  'src/pipeline/text.ts': ['valence(determinism)', `export const a = Date();\n`],
  'src/pipeline/math.ts': ['valence(determinism)', `export const a = Math.random();\n`],
  'src/pipeline/bytes.ts': ['valence(determinism)', `import { randomBytes } from 'node:crypto';\nrandomBytes(1);\n`],
  'src/pipeline/uuid.ts': ['valence(determinism)', `export const a = crypto.randomUUID();\n`],
  'src/format/wait.ts': ['eslint(no-restricted-globals)', `export const a = () => setTimeout(a, 1);\n`],
  'src/core/utils.ts': ['valence(file-names)', `export const a = 1;\n`],
  'src/core/default.ts': ['import(no-default-export)', `export default 1;\n`],
};

/** And these must pass. */
const ACCEPTED: Readonly<Record<string, string>> = {
  'src/pipeline/a.ts': `export const a = 1;\nexport type A = typeof a;\n`,
  'src/pipeline/at.ts': `export const a = new Date(0);\n`,
  'src/core/clock.ts': `export const a = () => Date.now();\n`,
  'src/core/random.ts': `import { randomBytes } from 'node:crypto';\nexport const a = () => randomBytes(1);\n`,
  'test/unit/now.ts': `export const a = Date.now();\n`,
};

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** Lints `folder` as if it were the repository: our configuration lies in it, since its patterns start where it lies. */
async function lint(folder: string): Promise<readonly Diagnostic[]> {
  const configuration = await readFile(join(ROOT, '.oxlintrc.json'), 'utf8');
  await writeFile(join(folder, '.oxlintrc.json'), configuration.replaceAll('"./', `"${ROOT}`));
  const args = [join(ROOT, 'node_modules/oxlint/bin/oxlint'), '-f', 'json'];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (_error, stdout) => resolve(stdout));
  });
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}

describe('oxlint with our configuration', () => {
  let folder = '';
  let found: readonly Diagnostic[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'valence-lint-'));
    const refused = Object.entries(REFUSED).map(([path, [, code]]) => [path, code] as const);
    for (const [path, code] of [...refused, ...Object.entries(ACCEPTED)]) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), code);
    }
    found = await lint(folder);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.for(Object.keys(REFUSED))('refuses %s', (path) => {
    const codes = found.filter((diagnostic) => diagnostic.filename === path).map((diagnostic) => diagnostic.code);
    expect(codes).toContain(REFUSED[path]?.[0]);
  });

  it.for(Object.keys(ACCEPTED))('accepts %s', (path) => {
    const ours = found.filter(({ filename, code }) => filename === path && code.startsWith('valence('));
    expect(ours).toEqual([]);
  });
});
