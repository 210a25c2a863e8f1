import { beforeEach, describe, expect, it, vi } from 'vitest';
import { library, resetLibrary } from './mocked-library.ts';
import { jsonLines, runCli } from './run-cli.ts';

vi.mock('../../src/app.ts', async () => (await import('./mocked-library.ts')).app);

beforeEach(resetLibrary);

describe('keys, vault and doctor', () => {
  it('gives the passphrase of the environment, or says how to give one', async () => {
    const created = { type: 'keys', masterKeyPath: '/m', hostKeyPath: '/h', vaultId: 'v', fingerprint: 'f' } as const;
    const passphrases: (string | undefined)[] = [];
    library.valence = {
      keys: {
        init: async () => {
          passphrases.push(await library.options.at(-1)?.passphrase?.());
          return created;
        },
      },
    };
    const given = await runCli(['keys', 'init', '--json'], { env: { VALENCE_PASSPHRASE: 'correct horse' } });
    expect(jsonLines(given.stdout)).toEqual([created]);
    expect(passphrases).toEqual(['correct horse']);
    const none = await runCli(['keys', 'init']);
    expect(none.exit).toBe(10);
    expect(none.stderr).toContain('set VALENCE_PASSPHRASE');
  });

  it('attaches', async () => {
    library.valence = {
      vault: {
        attach: async ({ from }) => ({
          type: 'attached',
          vaultId: 'v',
          hostKeyPath: '/h',
          backends: from,
          tiers: ['daily'],
        }),
      },
    };
    const { exit, stdout } = await runCli(['vault', 'attach', '--from', 'a', '--from', 'b']);
    expect(exit).toBe(0);
    expect(stdout).toContain('2 backends, 1 tier');
  });

  it('ends with 3 when the doctor found an error', async () => {
    const warning = { type: 'finding', level: 'warning', what: 'one table is not backed up', todo: null } as const;
    library.valence = { doctor: async () => [warning] };
    expect((await runCli(['doctor'])).exit).toBe(0);
    library.valence = { doctor: async () => [{ ...warning, level: 'error', todo: 'do this' }, warning] };
    const { exit, stdout } = await runCli(['doctor']);
    expect({ exit, stdout }).toEqual({
      exit: 3,
      stdout: 'error    one table is not backed up\n  do this\nwarning  one table is not backed up\n',
    });
  });
});
