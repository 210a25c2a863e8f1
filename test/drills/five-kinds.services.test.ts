import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import type { FiveKinds, TestPlace } from '../support/five-kinds.ts';
import { KINDS, startFiveKinds } from '../support/five-kinds.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

/**
 * A tier at 3 of 5 over a folder, two different S3 servers, IPFS and SFTP: any two may be lost, are replaced by new places, and
 * then any two may be lost again. The slice of WordNet that the project carries, or the whole of it from VALENCE_WORDNET.
 */

const DATA = process.env['VALENCE_WORDNET'] ?? join(import.meta.dirname, '..', '..', 'examples', 'wordnet');
const PASSPHRASE = 'any two of five kinds';
const PAIRS = KINDS.flatMap((_, i) => KINDS.slice(i + 1).map((__, j) => [i, i + 1 + j] as const));

describe('a vault on five kinds of places', () => {
  let folder: TemporaryFolder;
  let kinds: FiveKinds;
  let home: string;
  let digest: unknown;
  /** Those that the tier is on now, one of each kind. */
  const places: TestPlace[] = [];

  async function valence(...argv: string[]): Promise<Record<string, unknown>[]> {
    const env = { ...kinds.env, VALENCE_PASSPHRASE: PASSPHRASE };
    const { exit, stdout, stderr } = await runCli([...argv, '--json'], { env });
    if (exit !== 0) throw new Error(`exit ${exit}: valence ${argv.join(' ')}: ${stderr}`);
    return jsonLines(stdout);
  }

  const onHome = (...argv: string[]): Promise<Record<string, unknown>[]> => valence(...argv, '--home', home);

  async function addPlace(kind: (typeof KINDS)[number], name: string): Promise<TestPlace> {
    const place = await kinds.place(kind, name);
    await onHome('backup', 'config', '--add-backend', name, ...place.settings);
    return place;
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    kinds = await startFiveKinds(folder.path);
    home = join(folder.path, 'home');
    await valence('init', '--home', home);
    await onHome('import', join(DATA, 'beliefs.jsonl.gz'), join(DATA, 'edges.jsonl.gz'));
    await onHome('keys', 'init');
    for (const kind of KINDS) places.push(await addPlace(kind, `${kind}-first`));
    const names = places.map(({ name }) => name).join(',');
    await onHome('backup', 'config', '--tier', 'main', '--backends', names, '--erasure', '3/5', '--survives', '2');
    const [snapshot] = await onHome('backup', 'run');
    expect(snapshot).toMatchObject({ survives: 2, degraded: false });
    [{ digest }] = (await onHome('digest')) as [{ digest: unknown }];
  }, 1_800_000);

  afterAll(async () => {
    await kinds[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function withoutPair([a, b]: readonly [number, number], act: () => Promise<void>): Promise<void> {
    const lost = [places[a]!, places[b]!];
    for (const place of lost) await place.lose();
    try {
      await act();
    } finally {
      for (const place of lost) await place.regain();
    }
  }

  async function expectRestorable(): Promise<void> {
    await using target = await freshDatabase();
    const from = places.flatMap(({ name }) => ['--from', name]);
    const events = await onHome('backup', 'restore', ...from, '--to', target.url);
    expect(events.at(-1)).toMatchObject({ type: 'restored', orphanEdges: 0 });
    const [restored] = await valence('digest', '--database', target.url, '--home', join(folder.path, 'none'));
    expect(restored!['digest']).toBe(digest);
  }

  test('every place passes its check', async () => {
    for (const { name } of places) {
      const results = await onHome('backend', 'check', name);
      expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
    }
  });

  test.for(PAIRS)('without places %i and %i everything comes back', async (pair) => {
    await withoutPair(pair, expectRestorable);
  });

  test('a run without two places says what it survives, and pays its debt when they are back', async () => {
    const [{ id }] = (await onHome('belief', 'list', '--limit', '1')) as [{ id: string }];
    await withoutPair([1, 3], async () => {
      await onHome('belief', 'set', id, '--confidence', '0.25');
      const { exit, stdout } = await runCli(['backup', 'run', '--home', home, '--json'], { env: kinds.env });
      expect(exit).toBe(3);
      expect(jsonLines(stdout)[0]).toMatchObject({ survives: 0, degraded: true });
    });
    await onHome('backup', 'run');
    [{ digest }] = (await onHome('digest')) as [{ digest: unknown }];
    const [report] = await onHome('backup', 'verify', '--data');
    expect(report).toMatchObject({ status: 'ok', findings: [] });
    await withoutPair([0, 2], expectRestorable);
  });

  test('each pair that is lost for good is replaced, and each pair of what is left may be lost then', async () => {
    for (const [round, [a, b]] of (
      [
        [0, 1],
        [2, 3],
        [4, 0],
      ] as const
    ).entries()) {
      for (const lost of [a, b]) {
        const kind = KINDS[lost];
        const [old, fresh] = [places[lost]!, await addPlace(kind, `${kind}-round-${round}`)];
        await old.lose();
        await onHome('backup', 'repair', '--tier', 'main', '--replace', `${old.name}=${fresh.name}`, '--yes');
        places[lost] = fresh;
      }
      const [report] = await onHome('backup', 'verify', '--data');
      expect(report).toMatchObject({ status: 'ok', restorable: true });
    }
    for (const pair of PAIRS) await withoutPair(pair, expectRestorable);
  });
});
