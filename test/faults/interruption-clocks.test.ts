import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { TEMPORARY_PREFIX } from '../../src/core/files.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { backUp, FIRST_HOST, readAll, verifyAll, writerKey } from '../support/disk-vault.ts';
import { rejection } from '../support/expect-code.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/** A laptop that sleeps inside a run, and clocks that are wrong: nothing is ordered by them. */

const DAY = 24 * 60 * 60 * 1000;
const NOON = Date.UTC(2026, 0, 31, 12);

/** A clock that stands, and can be put. */
class SetClock implements Clock {
  time = NOON;

  now(): number {
    return this.time;
  }
}

function small(): RowSubstrate {
  return new RowSubstrate(rowState({ beliefs: 40, belief_edges: 20 }, 900));
}

describe('a clock that jumps inside a run', () => {
  it.each([
    ['two days on, as over a sleep', 2 * DAY],
    ['30 days on', 30 * DAY],
    ['30 days back', -30 * DAY],
  ])('%s: the snapshot follows the last one, and so does the next', async (_, jump) => {
    const [files, catalog, substrate, clock] = [new VolatileDisk(), new RememberingCatalog(), small(), new SetClock()];
    const runs: BackedUp[] = [];
    const run = async (jumpsAt: 'opened' | 'read' | null): Promise<void> => {
      const seed = `run ${runs.length}`;
      if (runs.length > 0) substrate.edit(seed, [{ table: 'beliefs', row: runs.length, bytes: 2000 }]);
      const snapshot = async (moment: 'opened' | 'read'): Promise<void> => {
        if (moment === jumpsAt) clock.time += jump;
      };
      runs.push(await backUp({ files, catalog, source: substrate.source(), seed, clock, around: { snapshot } }));
    };
    await run(null);
    await run('opened');
    await run('read');
    clock.time = NOON + DAY;
    await run(null);
    const all = await readAll({ files });
    expect(all.map(({ snapshot }) => snapshot.manifest.header.sequence)).toEqual([1, 2, 3, 4]);
    expect(all.map(({ digest }) => digest)).toEqual(runs.map(({ snapshot }) => toHex(snapshot.manifest.digest)));
    expect(all.map(({ rows }) => rows)).toEqual(substrate.states.map(plainRows));
    expect(runs.map(({ scan }) => scan)).toEqual(['everything', 'changes', 'changes', 'changes']);
    const { status, findings } = (await verifyAll({ files, catalog }))!;
    expect({ status, findings }).toEqual({ status: 'ok', findings: [] });
  });
});

describe('a host whose clock is 30 days ahead', () => {
  it('takes files of a run under way for leftovers: that run commits nothing, and nothing is harmed', async () => {
    const [files, catalog, substrate] = [new VolatileDisk(), new RememberingCatalog(), small()];
    await backUp({ files, catalog, source: substrate.source(), seed: 'first' });
    substrate.edit('second', [{ table: 'beliefs', row: 1, bytes: 2000 }]);
    const ahead = { host: { hostKey: writerKey('ahead'), home: '/ahead' }, clock: { now: () => NOON + 30 * DAY } };
    const other = { catalog: new RememberingCatalog(), substrate: small() };
    let meanwhile: Promise<BackedUp> | null = null;
    /** Lets the other host run whole between the writing of a temporary file and its getting a name. */
    const paused = pausingFiles(files, async () => {
      meanwhile ??= backUp({
        files,
        ...ahead,
        catalog: other.catalog,
        source: other.substrate.source(),
        seed: 'ahead',
      });
      await meanwhile;
    });
    const swept = await rejection(
      backUp({ files: paused, catalog, source: substrate.source(), seed: 'second' }),
      'backend/unavailable',
    );
    expect(swept.message).toContain('nothing was committed');
    expect((await meanwhile!).snapshot.summary).toMatchObject({ degraded: false });
    substrate.edit('third', [{ table: 'beliefs', row: 2, bytes: 2000 }]);
    await backUp({ files, catalog, source: substrate.source(), seed: 'third' });
    const rows = (await readAll({ files })).map((read) => read.rows);
    const [first, , third] = substrate.states;
    expect(rows).toEqual([first!, other.substrate.state, third!].map(plainRows));
    const { restorable, findings } = (await verifyAll({ files, host: FIRST_HOST, catalog }))!;
    expect({ restorable, bad: findings.filter(({ severity }) => severity === 'error') }).toEqual({
      restorable: true,
      bad: [],
    });
  });
});

/** Another file system that waits for `pause` before any temporary file gets its name. */
function pausingFiles(inner: VolatileDisk, pause: () => Promise<void>): FileSystem {
  const files = new FaultyFiles(() => null, inner);
  const link = async (from: string, path: string): Promise<void> => {
    if (from.includes(TEMPORARY_PREFIX)) await pause();
    await inner.link(from, path);
  };
  return Object.assign(files, { link });
}
