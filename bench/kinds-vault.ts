import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { RepairRecord, SnapshotRecord } from '../src/index.ts';
import { KINDS } from '../test/support/five-kinds.ts';
import type { FiveKinds, PlaceKind, TestPlace } from '../test/support/five-kinds.ts';
import { addPlace, makeVault } from './bench-vault.ts';
import { openDoor } from './door.ts';
import type { Door } from './door.ts';
import { valence } from './timed.ts';
import type { TimedValence } from './timed.ts';

/** A vault at 3 of 5 with one place of each kind, each behind a door but the folder. */

export interface KindsPlace extends TestPlace {
  readonly kind: PlaceKind;
  readonly door: Door | null;
}

export interface KindsRun extends TimedValence {
  /** As `performance.now()` has it. */
  readonly startedAt: number;
  readonly snapshot: SnapshotRecord;
}

/** A place less is no failure here. */
const DEGRADED = 3;

export class KindsVault {
  readonly home: string;
  readonly #kinds: FiveKinds;
  readonly #places: readonly KindsPlace[];

  private constructor(home: string, kinds: FiveKinds, places: readonly KindsPlace[]) {
    this.home = home;
    this.#kinds = kinds;
    this.#places = places;
  }

  /** An empty one. `folder`: a new one; its name is part of the names of the places. */
  static async make(kinds: FiveKinds, url: string, folder: string): Promise<KindsVault> {
    await mkdir(folder);
    const home = join(folder, 'home');
    const places: KindsPlace[] = [];
    for (const kind of KINDS) places.push(await placeOf(kinds, kind));
    await makeVault(home, url, places, kinds.env);
    return new KindsVault(home, kinds, places);
  }

  place(kind: PlaceKind): KindsPlace {
    return this.#places.find((place) => place.kind === kind)!;
  }

  get doors(): readonly Door[] {
    return this.#places.flatMap(({ door }) => door ?? []);
  }

  get names(): readonly string[] {
    return this.#places.map(({ name }) => name);
  }

  async backUp(): Promise<KindsRun> {
    for (const door of this.doors) door.watch();
    const startedAt = performance.now();
    const { env } = this.#kinds;
    const run = await valence(['backup', 'run', '--home', this.home], { env, exits: [0, DEGRADED] });
    return { ...run, startedAt, snapshot: JSON.parse(run.output) as SnapshotRecord };
  }

  /** Destroys a place and rebuilds what it held on another of its kind. A vault can do this once for each kind. */
  async rebuild(kind: PlaceKind): Promise<TimedValence & { readonly record: RepairRecord }> {
    const { env } = this.#kinds;
    const old = this.place(kind);
    const fresh = await placeOf(this.#kinds, kind);
    await addPlace(this.home, fresh, env);
    await old.lose();
    const replace = ['--replace', `${old.name}=${fresh.name}`, '--yes'];
    const run = await valence(['backup', 'repair', '--home', this.home, '--tier', 'main', ...replace], { env });
    const record = JSON.parse(run.output) as RepairRecord;
    if (record.status !== 'ok' || record.replaced !== true) throw new Error(`not repaired: ${run.output}`);
    return { ...run, record };
  }
}

let placesMade = 0;

async function placeOf(kinds: FiveKinds, kind: PlaceKind): Promise<KindsPlace> {
  placesMade += 1;
  let door: Door | null = null;
  const place = await kinds.place(kind, `${kind}-${placesMade}`, async (port) => (door = await openDoor(port)));
  return { ...place, kind, door };
}
