/** The house as data: which folder of src may import what. ARCHITECTURE.md explains it; `import-rules.ts` enforces it. */

export interface Layer {
  /** Paths below src that may be imported, apart from the layer's own: a folder with everything in it, or one file. */
  readonly imports: readonly string[];
  /** Packages that this layer alone, or with the others that name them, may import. A trailing `*` matches a scope. */
  readonly packages: readonly string[];
  /** No I/O, no clock, no randomness but what is passed in. */
  readonly pure?: boolean;
}

const READERS = ['format', 'placement', 'backends/backend.ts', 'core'];

const INNER: Readonly<Record<string, Layer>> = {
  core: { imports: [], packages: [] },
  config: { imports: ['placement', 'backends/s3/providers.ts', 'core'], packages: ['yaml', 'zod'] },
  format: { imports: ['core'], packages: ['@noble/*'], pure: true },
  placement: { imports: ['core'], packages: [], pure: true },
  schema: { imports: ['core'], packages: ['pg', 'pg-copy-streams', '@electric-sql/*', 'kysely'] },
  catalog: { imports: ['schema', 'format', 'core'], packages: ['kysely'] },
  graph: { imports: ['schema', 'format', 'core'], packages: ['@viz-js/viz', 'kysely', 'node:worker_threads'] },
  embedding: { imports: ['core'], packages: [] },
  backends: {
    imports: ['format/shard', 'core'],
    packages: ['@aws-sdk/*', '@smithy/*', 'kubo-rpc-client', 'multiformats', 'ssh2'],
  },
  mesh: { imports: ['backends', 'format/shard', 'core'], packages: [] },
  vault: { imports: READERS, packages: [] },
  pipeline: { imports: ['vault', ...READERS], packages: ['node:worker_threads'] },
  verify: { imports: ['vault', ...READERS], packages: [] },
  migrate: { imports: ['graph', 'schema', 'core'], packages: [] },
  jobs: { imports: ['pipeline', 'verify', 'graph', 'catalog', 'schema', 'config', 'core'], packages: [] },
};

const WIRING: readonly string[] = ['app', 'app.ts', ...Object.keys(INNER)];

/** Keyed by the first segment below src: a folder, or a file of src itself. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  ...INNER,
  app: { imports: WIRING, packages: [] },
  'app.ts': { imports: WIRING, packages: [] },
  'index.ts': { imports: WIRING, packages: [] },
  cli: { imports: ['app', 'app.ts', 'config', 'core'], packages: ['@stricli/core', '@clack/prompts', 'pino', 'zod'] },
};

/** Modules of Node that a pure layer may use: they compute, and touch nothing outside the process. */
export const PURE_BUILTINS: readonly string[] = ['node:buffer', 'node:crypto', 'node:util', 'node:zlib'];

/** Modules of core that hold the real clock, generator and disk: a pure layer may import their types only. */
export const IMPURE_CORE: readonly string[] = [
  'core/clock.ts',
  'core/random.ts',
  'core/files.ts',
  'core/file-system.ts',
  'core/log.ts',
];
