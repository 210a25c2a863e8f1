import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { Backend } from '../../src/backends/backend.ts';
import type { UploadJournal } from '../../src/core/ports.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import type { Finding } from '../../src/verify/finding.ts';
import { crashPoints } from '../support/crash-points.ts';
import type { CrashPoint } from '../support/crash-points.ts';
import { backUp, readAll, TIER, verifyAll } from '../support/disk-vault.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { BackendCall } from '../support/hooked-backend.ts';
import { RecordingFiles, Replay } from '../support/recording-files.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import type { RowEdit, StoredTable } from '../support/row-substrate.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/**
 * Every operation by which four runs change a disk is recorded, and the disk made again as it would be after each of
 * them: killed there, torn there, or without power there. From every such disk the owner reads all that was committed, and
 * the next run goes on.
 */

const ROWS = {
  beliefs: 80,
  belief_versions: 10,
  sources: 10,
  belief_sources: 20,
  belief_edges: 60,
  belief_embeddings: 40,
};

/** What happens before each run but the first. */
const EDITS: readonly (readonly RowEdit[])[] = [
  // What fits an index segment.
  rewritten('beliefs', 2, 6000),
  // The same; together with the last ones it is a stripe, so that folding places one.
  rewritten('belief_edges', 2, 20_000),
  // A stripe of its own, and rows that go.
  [...rewritten('belief_versions', 10, 9000), { table: 'sources', row: 3, bytes: 'removed' }],
];

function rewritten(table: StoredTable, count: number, bytes: number): RowEdit[] {
  return Array.from({ length: count }, (_, i) => ({ table, row: i * 2, bytes }));
}

interface Recorded {
  readonly files: RecordingFiles;
  readonly catalog: RememberingCatalog;
  readonly substrate: RowSubstrate;
  readonly runs: readonly BackedUp[];
}

let recorded: Recorded;

beforeAll(async () => {
  recorded = await record();
});

async function record(): Promise<Recorded> {
  const files = new RecordingFiles(new VolatileDisk());
  const catalog = new RememberingCatalog();
  catalog.onCommit = (moment) => files.mark(moment === 'begins' ? 'stored' : 'remembered');
  const substrate = new RowSubstrate(rowState(ROWS, 600));
  const runs: BackedUp[] = [];
  for (const [i, edits] of [[], ...EDITS].entries()) {
    if (i > 0) substrate.edit(`edit ${i}`, edits);
    files.mark('begun');
    const journal = (inner: UploadJournal): UploadJournal => new MarkingJournal(files, inner);
    runs.push(await backUp({ files, catalog, source: substrate.source(), seed: `run ${i}`, around: { journal } }));
  }
  return { files, catalog, substrate, runs };
}

class MarkingJournal implements UploadJournal {
  readonly #files: RecordingFiles;
  readonly #inner: UploadJournal;

  constructor(files: RecordingFiles, inner: UploadJournal) {
    this.#files = files;
    this.#inner = inner;
  }

  read(tier: string): Promise<readonly Uint8Array[]> {
    return this.#inner.read(tier);
  }

  async append(tier: string, entry: Uint8Array): Promise<void> {
    await this.#inner.append(tier, entry);
    this.#files.mark('noted');
  }

  clear(tier: string): Promise<void> {
    return this.#inner.clear(tier);
  }
}

const digestOf = ({ snapshot }: BackedUp): string => toHex(snapshot.manifest.digest);
const countOf = (marks: readonly string[], name: string): number => marks.filter((mark) => mark === name).length;

/** Reads all, lets the next run go on with what was remembered there, and reads again. */
async function examine(point: CrashPoint): Promise<void> {
  const { disk: files, marks } = point;
  const { runs, substrate, catalog: remembered } = recorded;
  const [begun, stored] = [countOf(marks, 'begun'), countOf(marks, 'stored')];
  const states = substrate.states.map(plainRows);
  const digests = runs.map(digestOf);
  const catalog = await RememberingCatalog.after(remembered.commits.slice(0, countOf(marks, 'remembered')));

  const seen = await readAll({ files });
  const visible = seen.map(({ digest }) => digest);
  expect(visible).toEqual(digests.slice(0, visible.length));
  expect(visible.length).toBeGreaterThanOrEqual(stored);
  expect(visible.length).toBeLessThanOrEqual(begun);
  expect(seen.map(({ rows }) => rows)).toEqual(states.slice(0, visible.length));
  const verified = await verifyAll({ files, catalog });
  const inProgress = seen[stored]?.snapshot.object ?? null;
  expect(verified?.findings.filter((finding) => isSerious(finding, inProgress)) ?? []).toEqual([]);

  const next = new RowSubstrate(...substrate.states.slice(0, Math.max(begun, 1)));
  next.edit('after the crash', [{ table: 'beliefs', row: 70, bytes: 100 }]);
  const shards = new Set<string>();
  const before = ({ operation, name }: BackendCall): void => {
    if (operation === 'put' && name.startsWith('shards/')) shards.add(name);
  };
  const backend = (inner: Backend): Backend => hookedBackend(inner, { before });
  const done = await backUp({ files, catalog, source: next.source(), seed: 'next', around: { backend } });
  expect(done.snapshot.manifest.header.sequence).toBe(visible.length + 1);
  expect(done.snapshot.summary).toMatchObject({ survives: 2, degraded: false });
  // With a manifest in the way that nobody remembers, all is stored anew.
  if (marks.at(-1) === 'noted' && visible.length === stored) expect(shards.size, 'shards sent again').toBe(0);
  // Those before it are read by the verification, byte by byte.
  const [newest] = await readAll({ files, newest: 1 });
  expect(newest).toMatchObject({ digest: digestOf(done), rows: plainRows(next.state) });
  const { findings, restorable, snapshots } = (await verifyAll({ files, catalog }))!;
  const bad = findings.filter(({ severity, object }) => severity !== 'info' && object !== inProgress);
  expect({ snapshots, restorable, bad }).toEqual({ snapshots: visible.length + 1, restorable: true, bad: [] });
}

/** While a first run makes the places, and while a manifest is on its way, some holders lack what others have. */
function isSerious({ severity, object, kind }: Finding, inProgress: string | null): boolean {
  return (
    severity === 'error' && kind !== 'backend-unavailable' && !(kind === 'object-missing' && object === inProgress)
  );
}

describe('a run that stops anywhere', () => {
  it('was recorded doing all that a run can do', () => {
    const { files, runs, catalog } = recorded;
    const kinds = new Set(files.actions.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      'create',
      'link',
      'makeFolder',
      'mark',
      'remove',
      'sync',
      'syncFolder',
      'write',
    ]);
    expect(runs.map(({ scan }) => scan)).toEqual(['everything', 'changes', 'changes', 'changes']);
    const stripes = catalog.commits.map(({ commit }) => commit.segments.flatMap((segment) => segment.stripes).length);
    expect(stripes).toEqual([1, 1, 2, 3]);
    expect(runs.map(({ snapshot }) => snapshot.manifest.header.tier)).toEqual(runs.map(() => TIER));
  });

  it('harms no committed snapshot, and the next run goes on', async () => {
    let examined = 0;
    for await (const point of crashPoints(recorded.files.actions)) {
      examined += 1;
      try {
        await examine(point);
      } catch (error) {
        const next = recorded.files.actions[point.done];
        const at = next === undefined ? 'the end' : `${next.kind} ${'path' in next ? next.path : next.name}`;
        throw new Error(`stopped before action ${point.done} (${at}), ${point.variant}`, { cause: error });
      }
    }
    expect(examined).toBeGreaterThan(150);
  }, 300_000);

  it('is no concern of a restore, which changes nothing at its places', async () => {
    const disk = new VolatileDisk();
    const replay = new Replay(disk);
    for (const action of recorded.files.actions) await replay.apply(action);
    const files = new RecordingFiles(disk);
    expect(await readAll({ files })).toHaveLength(recorded.runs.length);
    expect(files.actions).toEqual([]);
  });
});
