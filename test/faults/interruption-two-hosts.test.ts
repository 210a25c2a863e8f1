import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { backUp, FIRST_HOST, readAll, verifyAll, writerKey } from '../support/disk-vault.ts';
import type { DiskHost, DiskRun } from '../support/disk-vault.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/** Two that write to one vault at once: a run that is overtaken while it sleeps, by another host or by a copy of its own. */

const OTHER_HOST: DiskHost = { hostKey: writerKey('second'), home: '/other-home' };
/** A home that was copied with its keys, as by a virtual machine that was cloned. */
const COPIED_HOST: DiskHost = { ...FIRST_HOST, home: '/copied-home' };

const digestOf = ({ snapshot }: BackedUp): string => toHex(snapshot.manifest.digest);
const sequenceOf = ({ snapshot }: BackedUp): number => snapshot.manifest.header.sequence;

interface Memory {
  readonly substrate: RowSubstrate;
  readonly catalog: RememberingCatalog;
}

/** A host, its knowledge and its memory, and what it stored. */
class Writer {
  readonly #files: VolatileDisk;
  readonly #host: DiskHost;
  readonly #substrate: RowSubstrate;
  readonly #catalog: RememberingCatalog;
  /** `plainRows` of its snapshots, by digest. */
  readonly #stored: Map<string, unknown>;
  #runs = 0;

  constructor(files: VolatileDisk, host: DiskHost, stored: Map<string, unknown>, copied?: Memory) {
    this.#files = files;
    this.#host = host;
    this.#stored = stored;
    this.#substrate = copied?.substrate ?? new RowSubstrate(rowState({ beliefs: 40, belief_edges: 20 }, 900));
    this.#catalog = copied?.catalog ?? new RememberingCatalog();
  }

  /** Another with the same keys, knowledge and memory. */
  async copy(host: DiskHost): Promise<Writer> {
    const catalog = await RememberingCatalog.after(this.#catalog.commits);
    const substrate = new RowSubstrate(...this.#substrate.states);
    return new Writer(this.#files, host, this.#stored, { catalog, substrate });
  }

  async run(around: DiskRun['around'] = {}): Promise<BackedUp> {
    this.#runs += 1;
    const seed = `${this.#host.home} ${this.#runs}`;
    this.#substrate.edit(seed, [{ table: 'beliefs', row: this.#runs, bytes: 2000 }]);
    const { state } = this.#substrate;
    const run = { files: this.#files, host: this.#host, catalog: this.#catalog, seed, around };
    const done = await backUp({ ...run, source: this.#substrate.source() });
    this.#stored.set(digestOf(done), plainRows(state));
    return done;
  }

  /** What it finds wrong; forks and leftovers are no damage. */
  async verify(): Promise<{ readonly status: string; readonly kinds: string[] }> {
    const { status, findings } = (await verifyAll({ files: this.#files, host: this.#host, catalog: this.#catalog }))!;
    return { status, kinds: [...new Set(findings.map(({ kind }) => kind))] };
  }
}

/** Every snapshot that any of them stored is there and gives its rows. */
async function expectAll(files: VolatileDisk, stored: ReadonlyMap<string, unknown>): Promise<void> {
  const found = await readAll({ files });
  expect(new Map(found.map(({ digest, rows }) => [digest, rows]))).toEqual(stored);
}

describe('two hosts on one vault', () => {
  it('at once: both are stored, and each goes on from its own', async () => {
    const [files, stored] = [new VolatileDisk(), new Map<string, unknown>()];
    const [one, other] = [new Writer(files, FIRST_HOST, stored), new Writer(files, OTHER_HOST, stored)];
    await one.run();
    await other.run();
    const both = await Promise.all([one.run(), other.run()]);
    expect(both.map(sequenceOf)).toEqual([3, 3]);
    await expectAll(files, stored);
    const [next, after] = [await one.run(), await other.run()];
    expect([sequenceOf(next), sequenceOf(after)]).toEqual([4, 5]);
    expect([next.scan, after.scan]).toEqual(['changes', 'changes']);
    expect(after.notes).toEqual([expect.stringContaining('another host wrote')]);
    await expectAll(files, stored);
    for (const host of [one, other]) expect(await host.verify()).toEqual({ status: 'ok', kinds: [] });
  });

  it.each(['opened', 'read'] as const)(
    'one asleep since its snapshot was %s, the other busy meanwhile',
    async (moment) => {
      const [files, stored] = [new VolatileDisk(), new Map<string, unknown>()];
      const [sleeper, other] = [new Writer(files, FIRST_HOST, stored), new Writer(files, OTHER_HOST, stored)];
      await sleeper.run();
      const snapshot = async (now: 'opened' | 'read'): Promise<void> => {
        if (now === moment) for (let i = 0; i < 3; i += 1) await other.run();
      };
      const late = await sleeper.run({ snapshot });
      expect(sequenceOf(late)).toBe(2);
      await expectAll(files, stored);
      expect(await sleeper.verify()).toEqual({ status: 'ok', kinds: [] });
      expect(sequenceOf(await sleeper.run())).toBe(5);
      expect(sequenceOf(await other.run())).toBe(6);
      await expectAll(files, stored);
    },
  );
});

describe('a home that was copied with its keys', () => {
  it('forks the chain: both branches restore, verify says so, and each copy goes on', async () => {
    const [files, stored] = [new VolatileDisk(), new Map<string, unknown>()];
    const original = new Writer(files, FIRST_HOST, stored);
    await original.run();
    const copied = await original.copy(COPIED_HOST);
    const snapshot = async (now: 'opened' | 'read'): Promise<void> => {
      if (now === 'read') await copied.run();
    };
    const branch = await original.run({ snapshot });
    expect(sequenceOf(branch)).toBe(2);
    await expectAll(files, stored);
    expect(stored.size).toBe(3);
    for (const copy of [original, copied]) expect(await copy.verify()).toEqual({ status: 'ok', kinds: ['fork'] });
    for (const copy of [original, copied, original]) await copy.run();
    await expectAll(files, stored);
    for (const copy of [original, copied]) expect(await copy.verify()).toEqual({ status: 'ok', kinds: ['fork'] });
  });

  it('may lie still for long: it goes on after what the other wrote', async () => {
    const [files, stored] = [new VolatileDisk(), new Map<string, unknown>()];
    const original = new Writer(files, FIRST_HOST, stored);
    await original.run();
    const copied = await original.copy(COPIED_HOST);
    for (let i = 0; i < 3; i += 1) await original.run();
    const woken = await copied.run();
    expect({ sequence: sequenceOf(woken), scan: woken.scan }).toEqual({ sequence: 5, scan: 'changes' });
    expect(woken.notes).toEqual([expect.stringContaining('remembers snapshot 1')]);
    await expectAll(files, stored);
    for (const copy of [original, copied]) expect(await copy.verify()).toEqual({ status: 'ok', kinds: [] });
  });
});
