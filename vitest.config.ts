import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

/** Where .ci/run wants a JSON report of each run; unset, there is none. */
const reports = process.env['VALENCE_TEST_REPORTS'];

/** Tests in a file of this name, wherever they lie, need Postgres 17 with pgvector. */
const SERVICES = 'test/**/*.services.test.ts';
const KINDS = '{unit,property,contract,vectors,faults,cli,drills}';

const config: ViteUserConfig = defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: reports === undefined ? ['default'] : ['default', 'json'],
    ...(reports === undefined ? {} : { outputFile: { json: join(reports, `${process.pid}.json`) } }),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [`test/${KINDS}/**/*.test.ts`],
          exclude: [SERVICES],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/integration/**/*.test.ts', SERVICES],
          globalSetup: ['test/support/postgres-setup.ts', 'test/support/embedded-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
