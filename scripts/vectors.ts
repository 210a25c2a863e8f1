/**
 * Writes test/vectors/format (FORMAT.md, appendix A). With `--check` it writes nothing and exits 1 when a file is not what
 * it would be. The whole vault is written only with `--vault` or where it is missing: in which order a run stores chunks is
 * nobody's business, so a change of that must not change released bytes, and tests read it in any case.
 */
import { access, readFile, writeFile } from 'node:fs/promises';
import { bundleVectors, envelopeVectors, keyVectors } from './vectors/key-vectors.ts';
import { keyFileVectors, paddingVectors, vaultFileVectors } from './vectors/file-vectors.ts';
import { repairVectors } from './vectors/repair-vectors.ts';
import { manifestVectors, segmentVectors } from './vectors/snapshot-vectors.ts';
import { sealingVectors, stripeVectors } from './vectors/storage-vectors.ts';
import { treeVectors } from './vectors/tree-vectors.ts';
import { vaultVectors } from './vectors/vault-vectors.ts';

const FOLDER = new URL('../test/vectors/format/', import.meta.url);
const VAULT = new URL('vault.json', FOLDER);

const COLLECTIONS = {
  'keys.json': keyVectors,
  'envelope.json': envelopeVectors,
  'bundle.json': bundleVectors,
  'key-files.json': keyFileVectors,
  'padding.json': paddingVectors,
  'vault-file.json': vaultFileVectors,
  'tree.json': treeVectors,
  'sealing.json': sealingVectors,
  'stripe.json': stripeVectors,
  'segment.json': segmentVectors,
  'repair.json': repairVectors,
  'manifest.json': manifestVectors,
} as const;

const check = process.argv.includes('--check');

for (const [name, collect] of Object.entries(COLLECTIONS)) {
  const [file, expected] = [new URL(name, FOLDER), (await collect()).render()];
  if (!check) await writeFile(file, expected);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== expected) {
    console.error(
      `test/vectors/format/${name} is out of date: run scripts/vectors.ts, unless it was released, for then the code is wrong`,
    );
    process.exitCode = 1;
  }
}

const hasVault = await access(VAULT).then(
  () => true,
  () => false,
);
if (!check && (!hasVault || process.argv.includes('--vault'))) {
  await writeFile(VAULT, `${JSON.stringify(await vaultVectors(), null, 1)}\n`);
} else if (!hasVault) {
  console.error('test/vectors/format/vault.json is missing: run scripts/vectors.ts');
  process.exitCode = 1;
}
