import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { toHex } from '../../src/core/bytes.ts';
import { isValenceError, ValenceError } from '../../src/core/errors.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { backUp, PLACES, readAll, verifyAll } from '../support/disk-vault.ts';
import type { DiskRun } from '../support/disk-vault.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import type { FileCall, FileOperation } from '../support/faulty-files.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import type { RememberedCommit } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import type { RowState } from '../support/row-substrate.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/** Disks that fill up at every stage of a run: it commits what it can promise or nothing, and goes on once there is room. */

/** What needs room. */
const TAKING: ReadonlySet<FileOperation> = new Set<FileOperation>(['create', 'write', 'makeFolder', 'link', 'sync']);
const KILLED = { names: () => true, contents: () => true };

interface Prepared {
  readonly disk: VolatileDisk;
  readonly commits: readonly RememberedCommit[];
  readonly states: readonly RowState[];
  readonly first: string;
}

/** A vault with one snapshot, and knowledge that has changed since by a stripe. */
async function prepare(): Promise<Prepared> {
  const [disk, catalog] = [new VolatileDisk(), new RememberingCatalog()];
  const substrate = new RowSubstrate(rowState({ beliefs: 40, belief_edges: 20 }, 1500));
  const { snapshot } = await backUp({ files: disk, catalog, source: substrate.source(), seed: 'first' });
  substrate.edit(
    'second',
    Array.from({ length: 20 }, (_, row) => ({ table: 'beliefs', row, bytes: 5000 }) as const),
  );
  const first = toHex(snapshot.manifest.digest);
  return { disk, commits: catalog.commits, states: substrate.states, first };
}

type Limited = Pick<DiskRun, 'files' | 'around'>;

/** The second run under limits that `limit` sets to a copy of the disk; then a third without. */
async function fill(prepared: Prepared, limit: (disk: VolatileDisk) => Limited): Promise<BackedUp | ValenceError> {
  const disk = prepared.disk.cut(KILLED);
  const catalog = await RememberingCatalog.after(prepared.commits);
  const substrate = new RowSubstrate(...prepared.states);
  const outcome = await backUp({ catalog, source: substrate.source(), seed: 'second', ...limit(disk) }).catch(
    (error: unknown) => {
      if (!isValenceError(error)) throw error;
      return error;
    },
  );
  const between = await readAll({ files: disk });
  expect(between[0]!.digest).toBe(prepared.first);
  expect(between.map(({ rows }) => rows)).toEqual(prepared.states.slice(0, between.length).map(plainRows));
  if (!(outcome instanceof ValenceError)) {
    expect(between.map(({ digest }) => digest)).toContain(toHex(outcome.snapshot.manifest.digest));
  }
  substrate.edit('third', [{ table: 'beliefs', row: 30, bytes: 100 }]);
  const third = await backUp({ files: disk, catalog, source: substrate.source(), seed: 'third' });
  const sequence = between.length + 1;
  expect(third.snapshot.manifest.header.sequence).toBe(sequence);
  const [newest] = await readAll({ files: disk, newest: 1 });
  expect(newest!.rows).toEqual(plainRows(substrate.state));
  const verified = (await verifyAll({ files: disk, catalog }))!;
  expect({ snapshots: verified.snapshots, restorable: verified.restorable }).toEqual({
    snapshots: sequence,
    restorable: true,
  });
  expect(verified.findings.filter(({ kind }) => /lost|snapshot/.test(kind))).toEqual([]);
  return outcome;
}

/** From the call of this number on, what needs room and fits `where` finds none. */
function fullFrom(disk: VolatileDisk, number: number, where: (call: FileCall) => boolean): FaultyFiles {
  let count = 0;
  return new FaultyFiles((call) => {
    if (!TAKING.has(call.operation) || !where(call)) return null;
    count += 1;
    return count > number ? 'ENOSPC' : null;
  }, disk);
}

describe('the disk with everything on it', () => {
  it('fills at any moment: nothing is committed, or all of it, and the next run goes on', async () => {
    const prepared = await prepare();
    const outcomes = new Set<string>();
    for (let number = 0; !outcomes.has('whole'); number += 5) {
      const outcome = await fill(prepared, (disk) => ({ files: fullFrom(disk, number, () => true) }));
      if (outcome instanceof ValenceError)
        expect({ number, code: outcome.code }).toEqual({ number, code: 'backend/full' });
      outcomes.add(outcome instanceof ValenceError ? outcome.code : outcome.notes.length === 0 ? 'whole' : 'less');
    }
    expect(outcomes).toContain('backend/full');
  }, 120_000);
});

describe('the disk of the home', () => {
  it.each([0, 1, 2, 3])('takes %i operations of the journal: the run does without', async (number) => {
    const prepared = await prepare();
    const where = ({ path }: FileCall): boolean => path.startsWith('/home/journal');
    const outcome = await fill(prepared, (disk) => ({ files: fullFrom(disk, number, where) }));
    expect(outcome).toMatchObject({ notes: [expect.stringContaining('no space left')] });
  });
});

describe('places', () => {
  const stages = ['shards/', 'index/', 'snapshots/'];

  it.each(stages.flatMap((stage) => [1, 2, 3, 5].map((full) => [stage, full] as const)))(
    '%s finds no room at %i of them',
    async (stage, full) => {
      const prepared = await prepare();
      const backend = (inner: Backend, place: string): Backend => {
        const before = ({ operation, name }: { operation: string; name: string }): void => {
          if (operation === 'put' && name.startsWith(stage)) throw new ValenceError('backend/full', 'the disk is full');
        };
        return PLACES.indexOf(place) < full ? hookedBackend(inner, { before }) : inner;
      };
      const outcome = await fill(prepared, (disk) => ({ files: disk, around: { backend } }));
      const [left, needed] = [PLACES.length - full, stage === 'shards/' ? 3 : 1];
      const survives = left - needed;
      if (survives < 0) expect(outcome).toMatchObject({ code: 'backend/full' });
      else
        expect(outcome).toMatchObject({
          snapshot: { summary: { survives: Math.min(survives, 2), degraded: survives < 2 } },
        });
    },
  );
});
