import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));

/** What a reader of the demo must have seen, in this order. */
const KEY_LINES = [
  /^imported 2,000 beliefs, 2,855 edges/m,
  /^\$ valence backup run$/m,
  /^ {2}survives the loss of any 2 failure domains$/m,
  /^ {2}new: 0 B, stored on all backends: 0 B$/m,
  /^main: all is there$/m,
  /^ {2}error: shard-corrupt at \.\/office shards\//m,
  /^\$ rm -r attic$/m,
  /^ {2}error: object-corrupt at \.\/office index\//m,
  /^\$ rm -r laptop$/m,
  /^\$ valence backup restore --from office --from bank --from friend /m,
  /^root {7}[0-9a-f]{64}, as in the manifest$/m,
  /^[0-9a-f]{8}-\S+ .*dog, domestic dog/m,
  /^[0-9a-f]{8}-\S+ .*truth: a fact/m,
  /^Demo passed in \d+ s\.$/m,
];

it(
  'shows a knowledge base survive two lost places, a damaged one and a lost machine',
  { timeout: 300_000 },
  async () => {
    await using folder = await temporaryFolder();
    const environment = {
      ...process.env,
      TMPDIR: folder.path,
      VALENCE_HOME: '/nowhere',
      DATABASE_URL: 'postgres://nowhere',
    };
    const { exit, stdout, stderr } = await run(environment);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const found = KEY_LINES.map((line) => stdout.search(line));
    expect(found, stdout).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    const digests = stdout.match(/(?<=\$ valence digest\n)[0-9a-f]{64}$/gm);
    expect(digests).toHaveLength(2);
    expect(digests?.[0]).toBe(digests?.[1]);
    expect(await readdir(folder.path), 'what the demo left behind').toEqual([]);
  },
);

function run(env: NodeJS.ProcessEnv): Promise<{ exit: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [DEMO], { env }, (error, stdout, stderr) =>
      resolve({ exit: error?.code ?? 0, stdout, stderr }),
    );
  });
}
