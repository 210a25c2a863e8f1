import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { BACKEND_TYPES, backendKeys, knownKeys } from '../../src/config/schema.ts';
import { parseConfig } from '../../src/config/config-text.ts';
import { ConfigFile } from '../../src/config/config-file.ts';
import { kindNamed } from '../../src/config/backends/kinds.ts';
import { runCli } from '../cli/run-cli.ts';
import type { ConfigurationEdit } from '../../src/app/backup-calls.ts';

/** docs/configuration.md is what people copy from: its examples must be right, and no key may be missing from it. */

const asked = vi.hoisted(() => ({ edits: [] as unknown[] }));

vi.mock('../../src/app.ts', () => ({
  openValence: () => ({
    backup: {
      config: async (edit: unknown) => {
        asked.edits.push(edit);
        return { type: 'configuration', file: '', vaultId: null, backends: [], tiers: [], notes: [] };
      },
    },
    [Symbol.asyncDispose]: async () => {},
  }),
}));

let text = '';

beforeAll(async () => {
  text = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
});

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(text)![1]!;
}

describe('docs/configuration.md', () => {
  test('shows a configuration that is right, and what is said of one that is not', () => {
    const example = block('yaml');
    expect([...parseConfig(example, '/valence.yaml').config.backends.keys()]).toEqual(['drawer', 'nas', 'b2']);
    const embedders = [...text.matchAll(/```yaml\n(embedders:\n.*?)```/gs)].map(([, yaml]) => yaml!);
    expect(embedders).toHaveLength(1);
    expect(parseConfig(`version: 1\n${embedders[0]!}`, '/valence.yaml').config.embedders.size).toBe(5);
    const [message, hint] = /^(valence\.yaml:.* cannot be kept: .*)\n(.*)$/m.exec(text)!.slice(1);
    expect(() => parseConfig(example.replace('    survives: 0\n', ''), '/valence.yaml')).toThrow(
      expect.objectContaining({ message, hint }),
    );
  });

  test('has examples that can be carried out as they stand', async () => {
    const lines = block('sh')
      .split('\n')
      .filter((line) => line.startsWith('valence backup config '));
    expect(lines.length).toBeGreaterThan(8);
    const file = ConfigFile.create('/valence.yaml');
    for (const line of lines) {
      const argv = line.split(' ').slice(1);
      const { exit, stderr } = await runCli(argv, { stdin: 'a secret' });
      expect(exit, `${line}\n${stderr}`).toBe(0);
      const edit = asked.edits.at(-1) as Extract<ConfigurationEdit, { settings: unknown }>;
      const secrets = Object.fromEntries(Object.keys(edit.secrets ?? {}).map((key) => [key, 'file:/kept']));
      const settings = { ...edit.settings, ...secrets };
      if (edit.kind === 'add-backend')
        file.addBackend(edit.name, { ...kindNamed(edit.type ?? edit.name), ...settings });
      else file.setBackend(edit.name, settings);
    }
  });

  test('names every key', () => {
    const sections = [
      ['backends', 'x', 'limits'],
      ['backends', 'x', 'prices'],
      ['backends', 'x', 'domain'],
      ['tiers', 'x'],
      ['database'],
      ['search'],
      ['embedders', 'x'],
    ];
    const keys = [
      ...BACKEND_TYPES.flatMap((type) => backendKeys(type)),
      ...sections.flatMap((section) => knownKeys(section, 's3')),
      ...knownKeys(['backends', 'x', 'pinning', 0], 'ipfs'),
    ];
    expect(keys.length).toBeGreaterThan(50);
    for (const key of keys) expect(text, key).toMatch(new RegExp(`\`[a-z]*.?${key}[\`.]`));
  });
});
