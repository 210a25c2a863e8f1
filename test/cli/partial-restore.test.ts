import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValence } from '../../src/index.ts';
import type { RestoreOptions } from '../../src/index.ts';
import { copyFolder } from '../support/copy-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, onHome, PASSPHRASE } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

/** Some beliefs of a snapshot: into an empty place, as lines, and merged into what is there. */

let folder: TemporaryFolder;
let vault: VaultFolders;
/** Lines of a full export of the newest snapshot. */
let everything: readonly string[];

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  everything = linesOf((await onHome(vault, 'export', '--full')).stdout);
  await runCli(['init', '--home', place('first')]);
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

const place = (name: string): string => join(folder.path, name);
const ids = (...numbers: readonly number[]): string => numbers.map(beliefNumber).join(',');
const ALL = Array.from({ length: 150 }, (_, i) => i + 1);

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** `backup restore` with the vault's key; the home is one of another installation, or none. */
function restore(home: string, ...argv: readonly string[]): Promise<CliResult> {
  const locations = vault.places.flatMap((location) => ['--from', location]);
  const words = ['backup', 'restore', ...locations, '--key-file', vault.masterKey, '--home', home, ...argv];
  return runCli(words, { env: { VALENCE_PASSPHRASE: PASSPHRASE } });
}

/** A copy of one empty home, since making one takes seconds. */
async function newHome(name: string): Promise<{ readonly home: string }> {
  copyFolder(place('first'), place(name));
  return { home: place(name) };
}

async function digest(at: { readonly home: string }): Promise<unknown> {
  return jsonLines((await onHome(at, 'digest')).stdout)[0]?.['digest'];
}

interface Line {
  readonly id?: string;
  readonly content?: string;
  readonly source?: string;
  readonly target?: string;
  readonly version_of?: string;
  readonly source_type?: string;
  readonly source_id?: string;
  readonly model?: string;
  readonly provenance?: { readonly source_id: string };
}

/** The lines of a full export that are about the beliefs within so many hops of these. */
function closure(hops: number, ...numbers: readonly number[]): string[] {
  const lines = everything.map((text) => ({ text, line: JSON.parse(text) as Line }));
  let beliefs = new Set(numbers.map(beliefNumber));
  for (let hop = 0; hop < hops; hop += 1) {
    const touched = lines.filter(({ line }) => beliefs.has(line.source ?? '') || beliefs.has(line.target ?? ''));
    beliefs = new Set([...beliefs, ...touched.flatMap(({ line }) => [line.source!, line.target!])]);
  }
  const own = lines.filter(({ line }) => line.content !== undefined && beliefs.has(line.id!));
  const sources = new Set(own.map(({ line }) => line.provenance?.source_id));
  return lines
    .filter(({ line }) => {
      if (line.model !== undefined) return true;
      if (line.source_type !== undefined) return sources.has(line.source_id);
      if (line.source !== undefined) return beliefs.has(line.source) && beliefs.has(line.target!);
      return beliefs.has(line.version_of ?? line.id!);
    })
    .map(({ text }) => text);
}

describe('into an empty place', () => {
  it.each([0, 2])('come the beliefs within %i hops, with all that belongs to them', async (hops) => {
    const to = place(`part-${hops}`);
    const argv = ['--beliefs', ids(1, 2), '--beliefs', ids(5), '--hops', String(hops), '--to', to, '--json'];
    const { exit, stdout, stderr } = await restore(place('none'), ...argv);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const expected = closure(hops, 1, 2, 5);
    expect(linesOf((await onHome({ home: to }, 'export', '--full')).stdout)).toEqual(expected);
    const events = jsonLines(stdout);
    const beliefs = expected.filter((line) => line.includes('"content"') && !line.includes('"version_of"')).length;
    expect(events[0]).toMatchObject({ type: 'part', hops, beliefs, counts: null, findings: [] });
    expect(events[1]).toMatchObject({ type: 'queryable', to, root: null, counts: { beliefs } });
    expect(events.at(-1)).toMatchObject({ type: 'restored', orphanEdges: 0, warnings: [] });
    // A part must not go on as the vault.
    expect(await readFile(join(to, 'valence.yaml'), 'utf8')).not.toContain('d1');
  });

  it('is only looked at by a dry run', async () => {
    const to = place('looked-at');
    const before = await readdir(folder.path);
    const { exit, stdout } = await restore(place('none'), '--beliefs', ids(2), '--to', to, '--dry-run', '--json');
    expect(exit).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ type: 'part', beliefs: 1, counts: { beliefs: 1, belief_edges: 0 } }]);
    expect(await readdir(folder.path)).toEqual(before);
  });

  it('that holds something is refused, even if that is the very snapshot', async () => {
    const whole = place('whole');
    expect((await restore(place('none'), '--to', whole)).exit).toBe(0);
    expect((await restore(place('none'), '--beliefs', ids(2), '--to', whole)).exit).toBe(52);
  });
});

describe('as lines', () => {
  it('goes to a new file that import takes back', async () => {
    const file = place('part.jsonl');
    const { exit, stdout } = await restore(
      place('none'),
      '--beliefs',
      ids(4, 5),
      '--hops',
      '1',
      '--jsonl',
      file,
      '--json',
    );
    expect(exit).toBe(0);
    const expected = closure(1, 4, 5);
    expect(linesOf(await readFile(file, 'utf8'))).toEqual(expected);
    expect(jsonLines(stdout)).toMatchObject([{ type: 'part' }, { type: 'lines', to: file, lines: expected.length }]);
    const home = await newHome('imported');
    expect((await onHome(home, 'import', file)).exit).toBe(0);
    expect(linesOf((await onHome(home, 'export', '--full')).stdout)).toEqual(expected);
  });

  it('goes to standard output, alone', async () => {
    const { exit, stdout } = await restore(place('none'), '--beliefs', ids(3, 6), '--jsonl', '-');
    expect({ exit, lines: linesOf(stdout) }).toEqual({ exit: 0, lines: closure(0, 3, 6) });
  });

  it('needs a name that a new file can have, before anything is read', async () => {
    for (const [file, said] of [
      [place('nodir/x'), `there is no folder ${place('nodir')}`],
      [folder.path, `${folder.path} is a folder`],
    ] as const) {
      const words = ['--from', place('no such place'), '--beliefs', ids(3), '--jsonl', file];
      const { exit, stdout, stderr } = await runCli(['backup', 'restore', ...words]);
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
      expect(stderr).toContain(said);
    }
  });

  it('overwrites no file, and leaves none behind', async () => {
    const file = place('there.jsonl');
    await writeFile(file, 'mine\n');
    const { exit, stderr } = await restore(place('none'), '--beliefs', ids(3), '--jsonl', file);
    expect(exit).toBe(2);
    expect(stderr).toContain('is there already');
    expect(await readFile(file, 'utf8')).toBe('mine\n');
    const before = await readdir(folder.path);
    const gone = await restore(place('none'), '--beliefs', beliefNumber(999), '--jsonl', place('never.jsonl'));
    expect(gone.exit).toBe(2);
    expect(await readdir(folder.path)).toEqual(before);
  });
});

describe('merged into what is there', () => {
  it('makes an empty base equal to the whole, once', async () => {
    const live = await newHome('empty');
    const argv = ['--beliefs', ids(...ALL), '--merge', '--yes', '--json'];
    const first = await restore(live.home, ...argv);
    expect(first.exit).toBe(0);
    expect(jsonLines(first.stdout)).toMatchObject([
      { type: 'part', beliefs: 150 },
      {
        type: 'merge-plan',
        conflicts: [],
        superseded: [],
        nothingToDo: false,
        tables: { beliefs: { new: 150, same: 0 } },
      },
      { type: 'merged', inserted: { beliefs: 150 }, overwritten: { beliefs: 0 }, left: { beliefs: 0 }, warnings: [] },
      { type: 'index', model: 'small', state: 'building' },
      { type: 'index', model: 'small', state: 'built' },
    ]);
    expect(await digest(live)).toBe(vault.digests.at(-1));
    // Nobody need be asked when there is nothing to do.
    const second = await restore(live.home, '--beliefs', ids(...ALL), '--merge');
    expect(second.exit).toBe(0);
    expect(second.stdout).toContain('nothing to do');
    expect(await digest(live)).toBe(vault.digests.at(-1));
  });

  it('is shown first, and done only when told to', async () => {
    const live = await newHome('shown');
    const before = await digest(live);
    const dry = await restore(live.home, '--beliefs', ids(2), '--merge', '--dry-run', '--yes', '--json');
    expect(dry.exit).toBe(0);
    expect(jsonLines(dry.stdout).map(({ type }) => type)).toEqual(['part', 'merge-plan']);
    const unasked = await restore(live.home, '--beliefs', ids(2), '--merge');
    expect(unasked.exit).toBe(2);
    expect(unasked.stdout).toMatch(/beliefs +1 +0 +0 +0/);
    expect(unasked.stderr).toContain('--yes');
    expect(await digest(live)).toBe(before);
  });

  it('names what differs and leaves it, unless told to overwrite', async () => {
    const live = await newHome('differing');
    const argv = ['--beliefs', ids(4, 5), '--merge', '--yes', '--json'];
    expect((await restore(live.home, ...argv)).exit).toBe(0);
    await onHome(live, 'belief', 'set', beliefNumber(5), '--confidence', '0.5');
    const left = await restore(live.home, ...argv);
    const conflict = { table: 'beliefs', id: beliefNumber(5), columns: ['confidence'], reason: null };
    expect(jsonLines(left.stdout).slice(1)).toMatchObject([
      { type: 'merge-plan', conflicts: [{ ...conflict, outcome: 'left' }], nothingToDo: true },
      { type: 'merged', inserted: { beliefs: 0 }, overwritten: { beliefs: 0 }, left: { beliefs: 1 } },
    ]);
    const shown = async (): Promise<unknown> =>
      jsonLines((await onHome(live, 'belief', 'show', beliefNumber(5))).stdout)[0];
    expect(await shown()).toMatchObject({ confidence: 0.5 });
    const taken = await restore(live.home, ...argv, '--overwrite');
    expect(jsonLines(taken.stdout).slice(1)).toMatchObject([
      { type: 'merge-plan', conflicts: [{ ...conflict, outcome: 'overwritten' }], nothingToDo: false },
      { type: 'merged', overwritten: { beliefs: 1 }, left: { beliefs: 0 } },
    ]);
    expect(await shown()).toMatchObject({ confidence: 0.125, versions: [{}, {}, { confidence: 0.5 }] });
    const again = await restore(live.home, ...argv, '--overwrite');
    expect(jsonLines(again.stdout)[1]).toMatchObject({ conflicts: [], nothingToDo: true });
  });

  it('broken off anywhere leaves what is there as it was', async () => {
    const live = await newHome('broken-off');
    await onHome(live, 'belief', 'add', 'mine');
    const before = await digest(live);
    const options: RestoreOptions = {
      from: vault.places,
      keyFile: vault.masterKey,
      snapshot: 'latest',
      dryRun: false,
      part: { beliefs: ALL.map(beliefNumber), hops: 0, merge: { overwrite: true } },
    };
    for (const stop of ['reading belief_edges', 'comparing with the database', 'merge-plan', 'turned away']) {
      const controller = new AbortController();
      await using valence = openValence({
        home: live.home,
        env: { VALENCE_PASSPHRASE: PASSPHRASE },
        signal: controller.signal,
        progress: ({ stage }) => {
          if (stage === stop) controller.abort(new Error('enough'));
        },
      });
      const events: string[] = [];
      const reading = (async () => {
        for await (const { type } of valence.backup.restore(options)) {
          events.push(type);
          if (type === stop) controller.abort(new Error('enough'));
          if (type === 'merge-plan' && stop === 'turned away') break;
        }
      })();
      if (stop === 'turned away') await reading;
      else await expect(reading, stop).rejects.toThrow('enough');
      expect(events, stop).not.toContain('merged');
    }
    expect(await digest(live)).toBe(before);
  });
});

describe('what cannot be meant', () => {
  const belief = ['--beliefs', beliefNumber(2)];
  const to = ['--to', '/nonexistent/x'];
  it.each([
    ['no target', [...belief], '--to, --jsonl or --merge is needed'],
    ['no target of a whole snapshot', [], '--to is needed'],
    ['two targets', [...belief, ...to, '--merge'], '--to and --merge contradict each other'],
    ['three targets', [...belief, ...to, '--merge', '--jsonl', 'x'], '--to and --jsonl and --merge contradict'],
    ['hops of everything', [...to, '--hops', '1'], '--hops belongs to --beliefs'],
    ['lines of everything', ['--jsonl', 'x'], '--jsonl belongs to --beliefs'],
    ['a merge of everything', ['--merge'], '--merge belongs to --beliefs'],
    ['overwriting without a merge', [...belief, ...to, '--overwrite'], '--overwrite belongs to --merge'],
    ['hops that are no number', [...belief, ...to, '--hops', 'two'], '"two" is not a whole number from 0 to 16'],
    ['too many hops', [...belief, ...to, '--hops', '17'], '"17" is not a whole number from 0 to 16'],
    ['an id that is none', ['--beliefs', '0000', ...to], '"0000" is not an id'],
    ['an empty id in a list', ['--beliefs', `${beliefNumber(2)},`, ...to], '"" is not an id'],
  ])('%s', async (_, argv, message) => {
    const { exit, stdout, stderr } = await restore(place('none'), ...argv);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('beliefs that the snapshot does not hold are named', async () => {
    const { exit, stderr } = await restore(place('none'), '--beliefs', ids(2, 998, 999), ...to);
    expect(exit).toBe(2);
    for (const number of [998, 999]) expect(stderr).toContain(beliefNumber(number));
    expect(stderr).not.toContain(beliefNumber(2));
  });

  it('a merge needs a home or a database', async () => {
    const { exit, stderr } = await restore(place('none'), ...belief, '--merge');
    expect(exit).toBe(20);
    expect(stderr).toContain(place('none'));
  });

  it('a snapshot that is none', async () => {
    const { exit, stderr } = await restore(place('none'), ...belief, '--jsonl', '-', '--snapshot', 'ffff');
    expect(exit).toBe(2);
    expect(stderr).toContain('there is no snapshot whose id begins with ffff');
  });
});
