import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import { TREES } from '../../src/format/tables.ts';
import { runOperation } from './operations.ts';
import { resolveGiven } from './vector.ts';
import type { Given, VectorFile } from './vector.ts';

/** The vectors of FORMAT.md, appendix A, but for the whole vault, which is in vault.test.ts. */

/** How comments cite sections: `FORMAT.md §6.3`, `FORMAT.md §6.3 and §6.4`, `FORMAT.md section 5`. */
const SECTION = /FORMAT\.md (?:§|section )(\d+(?:\.\d+)*)(?:(?: and| to|,) §(\d+(?:\.\d+)*))?/g;
const FOLDER = new URL('format/', import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json') && name !== 'vault.json');

describe.for(files)('%s', (name) => {
  const { vectors } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as VectorFile;
  const resolved = new Map<string, Given>();
  for (const { id, given } of vectors) resolved.set(id, resolveGiven(given, resolved));

  test.for(vectors)('$id: $expect', async ({ id, op, expect: expected, gives }) => {
    const given = resolved.get(id)!;
    if (expected === 'ok') {
      const found = await runOperation(op, given);
      expect(JSON.parse(JSON.stringify(found))).toEqual(gives);
    } else expect(await codeOf(() => runOperation(op, given))).toBe(expected);
  });
});

describe('FORMAT.md', () => {
  const text = readFileSync(new URL('../../FORMAT.md', import.meta.url), 'utf8');
  const rules = [...text.matchAll(/\*\*(F-(\d+\.\d+)\.\d+)\*\*/g)];
  const sections = new Set([...text.matchAll(/^##+ ([0-9.]+) /gm)].map((match) => match[1]!));

  /** Every file of the project that may cite it. */
  function sources(): { file: string; content: string }[] {
    const root = new URL('../../', import.meta.url);
    return ['src', 'test', 'migrations', 'scripts', 'docs']
      .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && /\.(ts|sql|json|md)$/.test(entry.name))
      .map((entry) => ({
        file: `${entry.parentPath}/${entry.name}`,
        content: readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'),
      }));
  }

  test('has each rule once, in a section of its number', () => {
    const ids = rules.map((match) => match[1]!);
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
    for (const [, id, section] of rules) expect(sections.has(section!), `section of ${id}`).toBe(true);
  });

  test('has every rule and section that is cited', () => {
    const ids = new Set(rules.map((match) => match[1]!));
    for (const { file, content } of sources()) {
      for (const [id] of content.matchAll(/F-\d+\.\d+\.\d+/g)) expect(ids.has(id), `${file} cites ${id}`).toBe(true);
      for (const [, first, second = first] of content.matchAll(SECTION)) {
        for (const section of [first, second])
          expect(sections.has(section!), `${file} cites section ${section}`).toBe(true);
      }
    }
  });

  test('has a rule or a section for every vector', () => {
    const ids = new Set(rules.map((match) => match[1]!));
    for (const name of readdirSync(FOLDER)) {
      const { vectors } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as VectorFile;
      for (const { id, spec } of vectors)
        expect(ids.has(spec) || sections.has(spec), `${name}, ${id}: ${spec}`).toBe(true);
    }
  });

  test('lists every tree with its columns, in order', () => {
    for (const { code, name, rowVersion, columns, key, leafAim } of TREES) {
      const row = text.split('\n').find((line) => line.startsWith(`| ${code} | ${name} |`))!;
      const cells = row.split('|').map((cell) => cell.trim());
      const listed = cells[4]!.split(', ').map((column) => column.split(' ')[0]);
      expect([cells[3], listed, cells[5], cells[6]]).toEqual([
        String(rowVersion),
        columns,
        key.map(({ column }) => column).join(', '),
        String(leafAim),
      ]);
    }
  });
});

async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'ok';
  } catch (error) {
    if (isValenceError(error)) return error.code;
    throw error;
  }
}
