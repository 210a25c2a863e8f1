import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { SHELLS } from '../../src/cli/completion/scripts.ts';
import { runCli } from './run-cli.ts';

async function proposals(...words: string[]): Promise<string[]> {
  const { exit, stdout, stderr } = await runCli(['__complete', ...words]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0]!);
}

describe('completion', () => {
  it('proposes commands and verbs', async () => {
    expect(await proposals('b')).toEqual(['belief', 'backup', 'backend']);
    expect(await proposals('backup', 're')).toEqual(['repair', 'restore']);
    expect(await proposals('graph', 're')).toEqual(['retire-edge']);
    expect(await proposals('graph', 'co')).toEqual(['contradictions', 'components', 'communities']);
    expect(await proposals('nothing', 'b')).toEqual([]);
  });

  it('proposes options, also global ones, and their values', async () => {
    expect(await proposals('import', '--')).toEqual([
      '--model',
      '--on-conflict',
      '--home',
      '--database',
      '--json',
      '--yes',
      '--version',
    ]);
    expect(await proposals('import', '--on-conflict', '')).toEqual(['error', 'skip', 'update']);
    expect(await proposals('import', '--json', '--js')).toEqual([]);
    expect(await proposals('completion', 'z')).toEqual(['zsh']);
  });

  it('leaves files, folders and URLs to the shell', async () => {
    expect(await proposals('--home', '')).toEqual([]);
    expect(await proposals('import', '')).toEqual([]);
    expect(await proposals('backup', 'restore', '--from', '')).toEqual([]);
  });

  it('passes over global options that stand before the verb', async () => {
    expect(await proposals('--home', '/x', '--json', 'backup', 'ru')).toEqual(['run']);
  });

  it('prints a script for each shell', async () => {
    for (const shell of SHELLS) {
      const { exit, stdout } = await runCli(['completion', shell]);
      expect(exit).toBe(0);
      expect(stdout).toContain('valence completion ' + shell);
    }
    expect((await runCli(['completion', 'tcsh'])).exit).toBe(2);
  });

  it('is a script that bash accepts', async () => {
    const { stdout } = await runCli(['completion', 'bash']);
    expect(execFileSync('bash', ['-n'], { input: stdout }).toString()).toBe('');
  });
});
