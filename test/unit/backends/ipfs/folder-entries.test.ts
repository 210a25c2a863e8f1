import { describe, expect, test } from 'vitest';
import { cidOfObject } from '../../../../src/backends/ipfs/object-layout.ts';
import type { FolderEntry, FolderWriter } from '../../../../src/backends/ipfs/folder-entries.ts';
import { FolderEntries } from '../../../../src/backends/ipfs/folder-entries.ts';

/** A folder that forgets the entries of these numbers, counted as they are made. */
class ForgetfulFolder implements FolderWriter {
  readonly names = new Set<string>();
  readonly done: string[] = [];
  readonly #forgets: (made: number) => boolean;
  #made = 0;
  #underWay = 0;
  mostAtOnce = 0;

  constructor(forgets: (made: number) => boolean) {
    this.#forgets = forgets;
  }

  readonly enter = (made: FolderEntry): Promise<boolean> =>
    this.#alone(`enter ${made.name}`, () => {
      if (this.names.has(made.name)) return false;
      this.#made += 1;
      if (!this.#forgets(this.#made)) this.names.add(made.name);
      return true;
    });

  readonly flush = (): Promise<void> => this.#alone('flush', () => undefined);
  readonly isThere = async ({ name }: FolderEntry): Promise<boolean> => this.names.has(name);
  readonly lost = ({ name }: FolderEntry): Error => new Error(`lost ${name}`);

  async #alone<T>(what: string, act: () => T): Promise<T> {
    this.#underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    await Promise.resolve();
    this.#underWay -= 1;
    this.done.push(what);
    return act();
  }
}

function entry(name: string, signal?: AbortSignal): FolderEntry {
  return { name, cid: cidOfObject(Buffer.from(name)), signal };
}

describe('entries of a folder of a node', () => {
  test('are made one after another, and those that wait share a flush', async () => {
    const folder = new ForgetfulFolder(() => false);
    const entries = new FolderEntries(folder);
    expect(await Promise.all(['a', 'b', 'c'].map((name) => entries.enter(entry(name))))).toEqual([true, true, true]);
    expect(folder.done).toEqual(['enter a', 'enter b', 'enter c', 'flush']);
    expect(folder.mostAtOnce).toBe(1);
  });

  test('that the node acknowledged and forgot are made again', async () => {
    const folder = new ForgetfulFolder((made) => made === 2 || made === 4);
    const entries = new FolderEntries(folder);
    expect(await Promise.all(['a', 'b', 'c'].map((name) => entries.enter(entry(name))))).toEqual([true, true, true]);
    expect([...folder.names].toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('that are forgotten each time are an error', async () => {
    const entries = new FolderEntries(new ForgetfulFolder(() => true));
    await expect(entries.enter(entry('a'))).rejects.toThrow('lost a');
  });

  test('of a name that is taken are not made', async () => {
    const folder = new ForgetfulFolder(() => false);
    const entries = new FolderEntries(folder);
    await entries.enter(entry('a'));
    expect(await entries.enter(entry('a'))).toBe(false);
  });

  test('that were given up while they waited are not made, and keep nobody', async () => {
    const folder = new ForgetfulFolder(() => false);
    const entries = new FolderEntries(folder);
    const given = new AbortController();
    const waiting = Promise.allSettled([entries.enter(entry('a', given.signal)), entries.enter(entry('b'))]);
    given.abort(new Error('enough'));
    expect(await waiting).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: true }]);
    expect([...folder.names]).toEqual(['b']);
  });

  test('and other changes never meet', async () => {
    const folder = new ForgetfulFolder(() => false);
    const entries = new FolderEntries(folder);
    await Promise.all([entries.enter(entry('a')), entries.change(folder.flush), entries.enter(entry('b'))]);
    expect(folder.mostAtOnce).toBe(1);
    await expect(entries.change(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await entries.enter(entry('c'))).toBe(true);
  });
});
