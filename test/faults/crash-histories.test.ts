import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { Backend } from '../../src/backends/backend.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import type { TierVerification } from '../../src/verify/verify-tier.ts';
import { backUp, PLACES, readAll, verifyAll } from '../support/disk-vault.ts';
import type { ReadBack } from '../support/disk-vault.ts';
import { Crash, FaultyFiles } from '../support/faulty-files.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { BackendCall } from '../support/hooked-backend.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import type { RowEdit, StoredTable } from '../support/row-substrate.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/** Runs that stop one after another: what one left is what the next begins with, and may leave half done as well. */

const slow = process.env['SLOW'] === '1';
const HISTORIES = slow ? 400 : 20;
const RUNS = 6;
const TABLES: readonly StoredTable[] = ['beliefs', 'belief_edges', 'belief_versions'];
/** A run makes about so many calls; a number above leaves it unharmed. */
const CALLS_MAX = 700;

type Below = (limit: number) => number;

function dice(name: string): Below {
  const random = seededRandom(name);
  return (limit) => Buffer.from(random.bytes(4)).readUInt32BE() % limit;
}

function randomEdits(below: Below): RowEdit[] {
  const table = TABLES[below(TABLES.length)]!;
  return Array.from({ length: 1 + below(10) }, () => {
    const bytes = below(8) === 0 ? 'removed' : below(12_000);
    return { table, row: below(40), bytes } as const;
  }).filter(({ row }, i, all) => all.findIndex((other) => other.row === row) === i);
}

class History {
  readonly #below: Below;
  readonly #name: string;
  readonly #substrate = new RowSubstrate(rowState({ beliefs: 30, belief_edges: 20, belief_versions: 20 }, 900));
  readonly #catalog = new RememberingCatalog();
  /** Rows of every snapshot that was ever seen. */
  readonly #seen = new Map<string, unknown>();
  readonly #committed = new Set<string>();
  #disk = new VolatileDisk();

  constructor(name: string) {
    this.#name = name;
    this.#below = dice(name);
  }

  async step(number: number): Promise<void> {
    if (this.#below(4) > 0) this.#substrate.edit(`${this.#name} ${number}`, randomEdits(this.#below));
    const at = this.#below(CALLS_MAX);
    let crashed = false;
    const files = new FaultyFiles(({ index }) => {
      crashed ||= index === at;
      return crashed ? 'crash' : null;
    }, this.#disk);
    // A process that is gone commits nothing.
    this.#catalog.onCommit = () => {
      if (crashed) throw new Crash('crashed');
    };
    try {
      await this.#run(files, number);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      const power = this.#below(2) === 0;
      const survives = (): boolean => !power || this.#below(2) === 0;
      this.#disk = this.#disk.cut({ names: survives, contents: survives });
    }
    this.#catalog.onCommit = () => {};
    await this.#check();
  }

  /** Nothing stops this one. */
  async end(): Promise<void> {
    await this.#run(this.#disk, RUNS);
    await this.#check();
    expectWhole((await verifyAll({ files: this.#disk, catalog: this.#catalog }))!);
  }

  async #run(files: FileSystem, number: number): Promise<void> {
    const run = {
      files,
      catalog: this.#catalog,
      source: this.#substrate.source(),
      seed: `${this.#name} run ${number}`,
    };
    const done = await backUp({ ...run, fullScan: this.#below(6) === 0 });
    this.#committed.add(toHex(done.snapshot.manifest.digest));
  }

  async #check(): Promise<void> {
    const all = await readAll({ files: this.#disk });
    const now = plainRows(this.#substrate.state);
    expectRows(all, (digest) => this.#seen.get(digest) ?? now);
    for (const { digest, rows } of all) this.#seen.set(digest, rows);
    expectAmong(this.#committed, all);
  }
}

function expectRows(all: readonly ReadBack[], rowsOf: (digest: string) => unknown): void {
  for (const { digest, rows } of all) expect(rows).toEqual(rowsOf(digest));
}

/** What was committed is there; what was seen once, and not committed, may have gone with the power. */
function expectAmong(committed: ReadonlySet<string>, all: readonly ReadBack[]): void {
  const visible = new Set(all.map(({ digest }) => digest));
  expect([...committed].filter((digest) => !visible.has(digest))).toEqual([]);
}

function expectWhole({ restorable, findings }: TierVerification): void {
  expect(restorable).toBe(true);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
}

describe('histories of runs that stop', () => {
  it.each(Array.from({ length: HISTORIES }, (_, i) => i))('number %i', async (i) => {
    const history = new History(`history ${i}`);
    for (let number = 0; number < RUNS; number += 1) await history.step(number);
    await history.end();
  });
});

describe('a manifest that reached one holder before its run stopped', () => {
  async function stopped(): Promise<{ disk: VolatileDisk; catalog: RememberingCatalog; substrate: RowSubstrate }> {
    const disk = new VolatileDisk();
    const catalog = new RememberingCatalog();
    const substrate = new RowSubstrate(rowState({ beliefs: 30 }, 900));
    await backUp({ files: disk, catalog, source: substrate.source(), seed: 'first' });
    substrate.edit('second', [{ table: 'beliefs', row: 0, bytes: 10 }]);
    const before = ({ operation, name }: BackendCall): void => {
      if (operation === 'put' && name.startsWith('snapshots/')) throw new Crash('stopped');
    };
    const backend = (inner: Backend, place: string): Backend =>
      place === 'd1' ? inner : hookedBackend(inner, { before });
    const run = backUp({ files: disk, catalog, source: substrate.source(), seed: 'second', around: { backend } });
    await expect(run).rejects.toThrow(Crash);
    return { disk, catalog, substrate };
  }

  it('is a snapshot, and the next one follows it', async () => {
    const { disk, catalog, substrate } = await stopped();
    expect((await readAll({ files: disk })).map(({ rows }) => rows)).toEqual(substrate.states.map(plainRows));
    const third = await backUp({ files: disk, catalog, source: substrate.source(), seed: 'third' });
    const [, second] = await readAll({ files: disk });
    expect(third.snapshot.manifest.header.sequence).toBe(3);
    expect(toHex(third.snapshot.manifest.header.previous!)).toBe(second!.digest);
  });

  it('is no gap in the chain once that holder is lost', async () => {
    const { disk, catalog, substrate } = await stopped();
    await backUp({ files: disk, catalog, source: substrate.source(), seed: 'third' });
    const places = PLACES.filter((place) => place !== 'd1');
    const verified = (await verifyAll({ files: disk, places, catalog }))!;
    expect(verified.findings.filter(({ kind }) => kind === 'snapshot-missing')).toEqual([]);
  });
});
