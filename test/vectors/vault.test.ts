import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { restoreNewest } from './stranger.ts';
import type { RestoredTree } from './stranger.ts';
import { objectsAt, restoreTrees, restoreVector } from './vault-operations.ts';
import type { VaultVectors } from './vault-operations.ts';

const vault = JSON.parse(readFileSync(new URL('format/vault.json', import.meta.url), 'utf8')) as VaultVectors;

/** As `vault.json` writes rows. */
function readable(trees: readonly RestoredTree[]): unknown {
  const value = (found: unknown): unknown => {
    if (Array.isArray(found)) return found.map(value);
    if (Object.is(found, -0)) return '-0';
    if (typeof found !== 'string' || found.length <= 1000) return found;
    return { length: found.length, sha256: createHash('sha256').update(found).digest('hex') };
  };
  const row = (found: Readonly<Record<string, unknown>>): unknown =>
    Object.fromEntries(Object.entries(found).map(([column, field]) => [column, value(field)]));
  return trees.map(({ tree, model, rows }) => ({ tree, model, rows: rows.map(row) }));
}

describe('the vector vault', () => {
  test.for(vault.vectors)('$id: $expect', async (vector) => {
    expect(await restoreVector(vault, vector)).toBe(vector.expect);
  });

  test('gives the same COPY streams from any places that suffice', async () => {
    const whole = vault.vectors.filter((vector) => vector.expect === 'ok');
    const [first, ...others] = await Promise.all(whole.map((vector) => restoreTrees(vault, vector)));
    for (const other of others) expect(other).toEqual(first);
  });
});

describe('a reader written from FORMAT.md alone', () => {
  const restore = (places: readonly number[]): RestoredTree[] =>
    restoreNewest(
      places.map((place) => objectsAt(vault, place)),
      vault.tier,
      vault.masterKey,
      vault.passphrase,
    );

  test.for([
    [0, 1, 2],
    [2, 3, 4],
    [1, 3, 4],
    [4, 2, 0],
    [0, 1, 2, 3, 4],
  ])('restores the rows from places %j', (places) => {
    expect(readable(restore(places))).toEqual(vault.rows);
  });

  test('does not from two places', () => {
    expect(() => restore([1, 4])).toThrow('too few shards');
  });

  test('imports none of the program', () => {
    const parts = readdirSync(new URL('.', import.meta.url)).filter((name) => name.startsWith('stranger'));
    for (const part of parts) {
      const code = readFileSync(new URL(part, import.meta.url), 'utf8');
      const modules = [...code.matchAll(/from '([^']+)'/g)].map((match) => match[1]!);
      expect(modules.filter((module) => !/^(node:|@noble\/post-quantum\/|\.\/stranger-)/.test(module))).toEqual([]);
    }
  });
});
