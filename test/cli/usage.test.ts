import { describe, expect, it } from 'vitest';
import { jsonLines, runCli } from './run-cli.ts';

const ID = '3de27169-2dfd-5959-9839-f577b34bbd97';

describe('wrong command lines', () => {
  it.for([
    [['blief', 'add'], 'unknown command "blief"', 'did you mean `valence belief`?'],
    [['belief', 'ad'], 'unknown command "ad"', 'did you mean `valence belief add`?'],
    [['backup', 'restor'], 'unknown command "restor"', 'did you mean `valence backup restore`?'],
    [['constructor'], 'unknown command "constructor"', 'see `valence --help`'],
    [['__proto__'], 'unknown command "__proto__"', 'see `valence --help`'],
    [['--hoem', 'x', 'init'], 'unknown option --hoem', 'did you mean --home?'],
    [['belief', 'add', '--confidnce', '1', 'x'], 'unknown option --confidnce', 'did you mean --confidence?'],
    [['import', '--onconflict', 'skip', 'x'], 'unknown option --onconflict', 'did you mean --on-conflict?'],
    [['init', '--jsno'], 'unknown option --jsno', 'did you mean --json?'],
    [['backup', 'run', '-x'], 'unknown option -x', 'see `valence backup run --help`'],
    [['import'], 'FILE is missing', 'see `valence import --help`'],
    [['init', 'extra'], 'unexpected argument "extra"', 'see `valence init --help`'],
    [
      ['import', '--on-conflict', 'foo', 'x'],
      '--on-conflict is one of error, skip, update, not "foo"',
      'see `valence import --help`',
    ],
    [
      ['belief', 'add', 'x', '--confidence', '3'],
      '--confidence: "3" is not a number from 0 to 1',
      'see `valence belief add --help`',
    ],
    [
      ['belief', 'add', 'x', '--metadata', '[1]'],
      '--metadata: is not a JSON object',
      'see `valence belief add --help`',
    ],
    [['belief', 'show', 'zz'], 'ID: "zz" is not an id, nor the beginning of one', 'see `valence belief show --help`'],
    [
      ['belief', 'show', '12'],
      'ID: "12" is too short: at least four characters of an id',
      'see `valence belief show --help`',
    ],
    [['belief', 'set', ID], 'nothing to set', 'see `valence belief set --help`'],
    [['belief', 'list', '--limit', '1', '--limit', '2'], '--limit is given twice', 'see `valence belief list --help`'],
    [['backup', 'restore', '--from', 'a'], '--to is needed, with a value', 'see `valence backup restore --help`'],
    [['backup', 'restore', '--to', 'a'], '--from is needed, with a value', 'see `valence backup restore --help`'],
    [
      ['backup', 'config', '--tier', 'a', '--erasure', '5/3'],
      /^--erasure: "5\/3" is not a profile such as 3\/5/,
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--tier', 'a', '--path', 'b'],
      '--path belongs to --add-backend NAME or --set-backend NAME',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--backends', 'a,b'],
      '--backends belongs to --tier NAME',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--tier', 'a', '--backends', 'a,a'],
      '--backends: "a" is named twice',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--tier', 'a', '--erasure', '3/5', '--copies', '2'],
      '--erasure and --copies contradict each other',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--add-backend', 'b2', '--key', 'K005hunter2'],
      '--key: takes no secret, since other users can read command lines: write env:NAME of a variable, file:PATH, or - for standard input',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--set-backend', 'b2', '--limits', 'fast'],
      '--limits: is a list of KEY=VALUE, with commas between',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--add-backend', 'x', '--unset', 'domain'],
      '--unset belongs to --set-backend NAME',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--add-backend', 'x', '--lock', '30d'],
      '--lock belongs to --tier NAME',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--remove-backend', 'x', '--tier', 'y'],
      '--remove-backend and --tier are two commands',
      'see `valence backup config --help`',
    ],
    [
      ['backup', 'config', '--add-backend', 'x', '--passphrase', '-', '--password', '-'],
      '--passphrase and --password cannot both be read from standard input',
      'put one of them into a file that only you can read, and name it with file:PATH',
    ],
    [['init', '--json', '--json'], '--json is given twice', 'see `valence --help`'],
    [['--home'], '--home needs a value: --home DIR', 'see `valence --help`'],
    [['--home', '--json', 'init'], '--home needs a value: --home DIR', 'see `valence --help`'],
    [['--home=', 'init'], '--home needs a value: --home DIR', 'see `valence --help`'],
    [['--yes=no', 'init'], '--yes takes no value', 'see `valence --help`'],
  ] as const)('%j', async ([argv, message, hint]) => {
    const asked = (argv as readonly string[]).includes('--json');
    const text = await runCli(argv);
    expect(text).toMatchObject({ exit: 2, stdout: '' });
    if (!asked) expect(text.stderr).toMatch(/^valence: .*\n {2}.*\n$/);

    const json = asked ? text : await runCli([...argv, '--json']);
    const [error] = jsonLines(json.stderr);
    expect(error).toMatchObject({ type: 'error', code: 'usage/invalid', exit: 2, hint });
    if (typeof message === 'string') expect(error?.['message']).toBe(message);
    else expect(error?.['message']).toMatch(message);
  });

  it('names the nearest known option in the context too', async () => {
    const { stderr } = await runCli(['belief', 'add', '--confidnce', '1', 'x', '--json']);
    expect(jsonLines(stderr)[0]?.['context']).toEqual({ option: '--confidnce', nearest: 'confidence' });
  });

  it('asks for a yes where nobody can be asked', async () => {
    for (const verb of [
      ['belief', 'retire'],
      ['source', 'retire'],
      ['graph', 'retire-edge'],
    ]) {
      const { exit, stderr } = await runCli([...verb, ID]);
      expect(exit).toBe(2);
      expect(stderr).toContain('--yes');
    }
  });

  it('shows control characters instead of sending them to the terminal', async () => {
    const { stderr } = await runCli(['\u001b[2Jinit']);
    expect(stderr).not.toContain('\u001b');
    expect(stderr).toContain('\\u001b[2Jinit');
  });

  it('takes what follows -- for arguments', async () => {
    const { stderr } = await runCli(['completion', '--', '--json']);
    expect(stderr).toContain('SHELL: "--json" is not one of bash, zsh, fish');
  });
});

describe('help and version', () => {
  it('prints the version, from anywhere', async () => {
    const plain = await runCli(['--version']);
    expect(plain).toMatchObject({ exit: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { stdout } = await runCli(['backup', 'run', '--version', '--json']);
    expect(jsonLines(stdout)[0]).toMatchObject({ type: 'version', version: plain.stdout.trim() });
  });

  it('prints help for nothing, for a noun and for a command', async () => {
    for (const argv of [
      [],
      ['--help'],
      ['backup'],
      ['backup', '--help'],
      ['backup', 'run', '--help'],
      ['--json', 'backup', 'run', '-h'],
    ]) {
      const { exit, stdout, stderr } = await runCli(argv);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain('GLOBAL OPTIONS');
      expect(stdout).toContain('--home DIR');
    }
  });

  it('ends every help with the exit codes of the command', async () => {
    const { stdout } = await runCli(['backup', 'restore', '--help']);
    const exits = stdout
      .slice(stdout.indexOf('EXIT CODES'))
      .match(/^ +\d+/gm)
      ?.map(Number);
    expect(exits).toEqual([0, 1, 2, 3, 10, 11, 20, 30, 31, 33, 34, 35, 36, 40, 41, 42, 45, 46, 50, 52, 57, 130]);
  });
});
