import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openContext } from '../src/app/context.ts';
import { openBackend } from '../src/app/open-backend.ts';
import type { Backend } from '../src/backends/backend.ts';
import { SHARD_BYTES_MAX } from '../src/core/limits.ts';
import { sha256, shardObjectName } from '../src/format/shard/name.ts';
import { KINDS } from '../test/support/five-kinds.ts';
import type { FiveKinds, PlaceKind } from '../test/support/five-kinds.ts';
import { seededStream } from '../test/support/seeded-random.ts';
import { makeVault } from './bench-vault.ts';
import { noDoor } from './door.ts';
import { median, print, ratiosOf } from './figures.ts';
import type { Measured } from './full-backup.ts';
import { forEachAtOnce, rawTool, secondsOf } from './raw-tools.ts';
import type { RawTool, Shard } from './raw-tools.ts';

/**
 * Shards of 1 MiB put and got again by each kind of backend, as the program opens it, with all its wrappers and as many calls at
 * once as it takes, beside the tool that people use there. Both alternate, each time with other shards.
 */

/** About as many shards as such a base has, within reason. */
const BELIEFS_A_SHARD = 400;
const SHARDS_MIN = 16;
const SHARDS_MAX = 128;

/** Null: not to be told. */
type Seconds = Readonly<Record<'put' | 'get' | 'rawPut' | 'rawGet', number | null>>;

export async function measureThroughput(kinds: FiveKinds, measured: Measured): Promise<void> {
  const { url, beliefs, rounds, work } = measured;
  const home = join(work, 'home');
  const places = await Promise.all(KINDS.map((kind) => kinds.place(kind, `speed-${kind}`, noDoor)));
  await makeVault(home, url, places, kinds.env);
  await using context = openContext({ home, env: kinds.env });
  const { config } = await context.configFile();
  const count = Math.max(SHARDS_MIN, Math.min(SHARDS_MAX, Math.round(beliefs / BELIEFS_A_SHARD)));
  for (const [i, kind] of KINDS.entries()) {
    const { name } = places[i]!;
    const backend = await openBackend(context, config.backends.get(name)!, { name, isConfigured: true });
    const atOnce = backend.traits.maxConcurrency;
    const folder = join(work, kind);
    await mkdir(folder);
    const raw = rawTool(kind, { servers: kinds.servers, work: folder, atOnce });
    const seen: Seconds[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const [ours, theirs] = [makeShards(`${kind} ${round} ours`, count), makeShards(`${kind} ${round} theirs`, count)];
      seen.push(await observe({ backend, ours }, { raw, theirs }));
    }
    report({ kind, raw, atOnce, shards: count }, seen);
    await context.release(backend);
  }
}

async function observe(
  { backend, ours }: { readonly backend: Backend; readonly ours: readonly Shard[] },
  { raw, theirs }: { readonly raw: RawTool; readonly theirs: readonly Shard[] },
): Promise<Seconds> {
  const atOnce = backend.traits.maxConcurrency;
  // The tools' own connecting is taken off; ours is done here.
  await backend.stat(ours[0]!.object);
  const rawPut = await raw.put(theirs);
  const put = await secondsOf(() => forEachAtOnce(ours, atOnce, ({ object, bytes }) => backend.put(object, bytes)));
  const rawGet = await raw.get(theirs);
  const got = new Map<Shard, Uint8Array>();
  const get = await secondsOf(() =>
    forEachAtOnce(ours, atOnce, async (shard) => {
      got.set(shard, await backend.get(shard.object, { digest: shard.digest }));
    }),
  );
  for (const [{ object, bytes }, read] of got)
    if (Buffer.compare(bytes, read) !== 0) throw new Error(`${backend.location} gave other bytes for ${object}`);
  await forEachAtOnce(ours, atOnce, ({ object }) => backend.delete(object));
  await raw.clear();
  return { put, get, rawPut, rawGet };
}

interface Reported {
  readonly kind: PlaceKind;
  readonly raw: RawTool;
  readonly atOnce: number;
  readonly shards: number;
}

function report({ kind, raw, atOnce, shards }: Reported, seen: readonly Seconds[]): void {
  const speed = (way: keyof Seconds): number | null => {
    const seconds = seen.flatMap((one) => one[way] ?? []);
    return seconds.length === 0 ? null : (shards * SHARD_BYTES_MAX) / 1e6 / median(seconds);
  };
  const put = { putMbPerSecond: speed('put'), getMbPerSecond: speed('get') };
  const beside = { putMbPerSecond: speed('rawPut'), getMbPerSecond: speed('rawGet') };
  print({ name: 'valence', backend: kind, shards, atOnce, ...rounded(put) });
  print({ name: raw.name, backend: kind, shards, ...rounded(beside) });
  const ratios = ratiosOf([
    [`put / ${raw.name}`, put.putMbPerSecond, beside.putMbPerSecond],
    [`get / ${raw.name}`, put.getMbPerSecond, beside.getMbPerSecond],
  ]);
  print({ name: 'ratios of speed', backend: kind, ...ratios });
}

function rounded(speeds: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(speeds).map(([name, value]) => [name, value && Math.round(value)]));
}

function makeShards(name: string, count: number): readonly Shard[] {
  const random = seededStream(name);
  return Array.from({ length: count }, () => {
    const bytes = random.bytes(SHARD_BYTES_MAX);
    const digest = sha256(bytes);
    return { object: shardObjectName(digest), bytes, digest };
  });
}
