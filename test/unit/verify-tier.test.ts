import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { encodeSegment, parseSegment } from '../../src/format/index/segment.ts';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { sha256, shardObjectName } from '../../src/format/shard/name.ts';
import { encodeManifest, openBody, parseManifest } from '../../src/format/snapshot/manifest.ts';
import { readIndex, readSegment, segmentObjectName } from '../../src/vault/index-map.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { findSnapshots, snapshotObjectName } from '../../src/vault/snapshots.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { verifyTier } from '../../src/verify/verify-tier.ts';
import type { TierVerification } from '../../src/verify/verify-tier.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { keyOf } from '../support/tree-fixture.ts';

const TIER = 'main';
const BELIEFS = { name: 'beliefs' };
const ROWS = 1_500;

function change(substrate: MemorySubstrate, rows: Iterable<number>, value: string): void {
  for (const i of rows) substrate.put(BELIEFS, keyOf(`row ${i}`, 16), `${value} ${i}`, 120);
}

/** A base, then small changes: most of the index is the same for all, and its end is folded again and again. */
async function buildVault(): Promise<MemoryVault> {
  const vault = new MemoryVault('verify', { k: 2, n: 3 });
  const substrate = new MemorySubstrate();
  change(substrate, Array.from({ length: ROWS }).keys(), 'first');
  await vault.run(() => substrate.source(), [TIER]);
  for (let run = 0; run < 10; run += 1) {
    change(substrate, [run, 700 + run], `run ${run}`);
    await vault.run(() => substrate.source(), [TIER]);
  }
  return vault;
}

interface Verified {
  readonly report: TierVerification;
  /** How often each segment was read, from whatever place. */
  readonly segmentReads: ReadonlyMap<string, number>;
}

async function verify(vault: MemoryVault, data = false): Promise<Verified> {
  const segmentReads = new Map<string, number>();
  const count = ({ operation, name }: { operation: string; name: string }): void => {
    if (operation === 'get' && name.startsWith('index/')) segmentReads.set(name, (segmentReads.get(name) ?? 0) + 1);
  };
  const backends = vault.backends.map((backend) => hookedBackend(backend, { before: count }));
  const vaultId = uuidText(vault.hostKey.vaultId);
  const { places, blemishes } = await openPlaces(backends, vaultId);
  const keyring = await openKeyring(places, vaultId, { kind: 'host', key: vault.hostKey });
  const found = await findSnapshots(places, keyring, null);
  const given = { tier: TIER, places, blemishes, keyring, found, otherTiers: [], heads: [], progress: () => {} };
  return { report: await verifyTier({ ...given, data }), segmentReads };
}

function loseShards(vault: MemoryVault, { shards }: IndexedStripe, count: number): void {
  for (const { name } of shards.slice(0, count)) {
    for (const { objects } of vault.backends) objects.delete(shardObjectName(name));
  }
}

/** Runs `test` on the vault, and puts everything back. */
async function onCopy(vault: MemoryVault, test: () => Promise<void>): Promise<void> {
  const kept = vault.backends.map(({ objects }) => new Map(objects));
  try {
    await test();
  } finally {
    for (const [i, { objects }] of vault.backends.entries()) {
      objects.clear();
      for (const [name, bytes] of kept[i]!) objects.set(name, bytes);
    }
  }
}

/** What a snapshot needs, by the index of it alone. */
async function liveStripes(vault: MemoryVault, snapshot: Snapshot): Promise<IndexedStripe[]> {
  const { places, keyring } = await vault.open();
  return (await readIndex(places, keyring, snapshot.manifest.header.index)).index.liveStripes();
}

const idOf = ({ geometry }: IndexedStripe): string => toHex(geometry.packDigest);

describe('a tier of many snapshots', () => {
  let vault: MemoryVault;
  let snapshots: readonly Snapshot[];

  beforeAll(async () => {
    vault = await buildVault();
    snapshots = (await vault.open()).snapshots;
  });

  it('is whole, and every segment is read once however many snapshots name it', async () => {
    const { report, segmentReads } = await verify(vault);
    expect({ ...report, findings: report.findings.filter(({ severity }) => severity !== 'info') }).toMatchObject({
      findings: [],
      restorable: true,
      snapshots: 11,
      status: 'ok',
    });
    const named = new Set(snapshots.flatMap(({ manifest }) => manifest.header.index.map(segmentObjectName)));
    expect(segmentReads).toEqual(new Map([...named].map((name) => [name, 1])));
    expect(named.size).toBeLessThan(snapshots.flatMap(({ manifest }) => manifest.header.index).length);
    const needed = (await Promise.all(snapshots.map((each) => liveStripes(vault, each)))).flat();
    expect(report.stripes).toBe(new Set(needed.map(idOf)).size);
    expect((await verify(vault, true)).report).toMatchObject({ restorable: true, status: 'ok' });
  });

  it.for([true, false])('says which stripe is lost, and whether the newest snapshot needs it: %s', async (needsIt) => {
    const substrate = new MemorySubstrate();
    const own = new MemoryVault('two states', { k: 2, n: 3 });
    // What never changes is stored first, so that the stripe of the second state holds nothing of the third.
    await own.run(() => substrate.source(), [TIER]);
    for (const value of ['first', 'second']) {
      change(substrate, Array.from({ length: ROWS }).keys(), value);
      await own.run(() => substrate.source(), [TIER]);
    }
    const [, first, second] = (await own.open()).snapshots;
    const [before, after] = [await liveStripes(own, first!), await liveStripes(own, second!)];
    const shared = new Set((needsIt ? before : after).map(idOf));
    const stripe = (needsIt ? after : before).find((each) => !shared.has(idOf(each)))!;
    loseShards(own, stripe, 2);
    const { report } = await verify(own);
    expect(report).toMatchObject({ restorable: !needsIt, status: 'lost' });
    expect(report.findings.filter(({ kind }) => kind === 'stripe-lost').length).toBe(1);
    if (needsIt) return;
    // When nothing needs it any more, nothing is lost.
    for (const { objects } of own.backends) objects.delete(first!.object);
    const { findings } = (await verify(own)).report;
    expect(findings.map(({ kind }) => kind)).not.toContain('stripe-lost');
  });

  it('names each snapshot whose index is lost, and goes on with the others', async () => {
    await onCopy(vault, async () => {
      const last = snapshots.at(-1)!.manifest.header.index.at(-1)!;
      for (const { objects } of vault.backends) objects.delete(segmentObjectName(last));
      const users = snapshots.filter(({ manifest }) =>
        manifest.header.index.some((name) => toHex(name) === toHex(last)),
      );
      const { report } = await verify(vault);
      const lost = report.findings.filter(({ kind }) => kind === 'index-lost');
      expect(lost.map(({ location, object }) => [location, object])).toEqual(
        users.map(({ manifest }) => [`tier main, snapshot ${manifest.header.sequence}`, segmentObjectName(last)]),
      );
      expect(report).toMatchObject({ restorable: false, status: 'lost' });
      expect(report.stripes).toBeGreaterThan(0);
    });
  });

  it('with data finds a pack in a segment whose chunks have other names, once however many snapshots name it', async () => {
    await onCopy(vault, async () => {
      const forged = await forgeInlineNames(vault, snapshots);
      const kindsOf = ({ findings }: TierVerification): string[] =>
        findings.filter(({ severity }) => severity !== 'info').map(({ kind }) => kind);
      expect(kindsOf((await verify(vault)).report)).toEqual([]);
      const { report } = await verify(vault, true);
      expect(kindsOf(report)).toEqual(['pack-inconsistent']);
      expect(report.findings.find(({ kind }) => kind === 'pack-inconsistent')).toMatchObject({
        object: segmentObjectName(forged),
        location: 'the index',
      });
      expect(report.status).toBe('lost');
    });
  });
});

/** What only a writer could do: the last two snapshots name a segment, well signed, in which one byte of a pack is another. */
async function forgeInlineNames(vault: MemoryVault, snapshots: readonly Snapshot[]): Promise<Uint8Array> {
  const { places, keyring } = await vault.open();
  const random = seededRandom('forger');
  const { secrets, signingKey, recipients } = vault.hostKey;
  const keys = { indexKey: secrets.indexKey, signingKey, recipients };
  const last = snapshots.at(-1)!;
  const segments = await Promise.all(last.manifest.header.index.map((name) => readSegment(places, keyring, name)));
  const inline = segments.flatMap(({ body }) => body.inline).slice(0, 1);
  expect(inline.length).toBe(1);
  const bytes = Uint8Array.from(inline[0]!.bytes);
  bytes[0]! ^= 1;
  const body: SegmentBody = { stripes: [], inline: [{ ...inline[0]!, bytes }], dropped: [] };
  const [example] = [...vault.backends[0]!.objects].filter(([name]) => name.startsWith('index/'));
  const segment = encodeSegment(parseSegment(example![1]).header, body, keys, random);
  const digest = sha256(segment);
  const put = (name: string, object: Uint8Array): void => {
    for (const { objects } of vault.backends) objects.set(name, object);
  };
  put(segmentObjectName(digest), segment);
  let previous = last.manifest.digest;
  for (const sequence of [100, 101]) {
    const header = { ...last.manifest.header, sequence, previous, salt: random.bytes(32) };
    const index = [...header.index, digest];
    const manifest = {
      header: { ...header, index },
      summary: last.summary,
      body: openBody(last.manifest, vault.owner),
    };
    const object = encodeManifest(manifest, keys, random);
    previous = parseManifest(object).digest;
    put(snapshotObjectName(TIER, sequence, previous), object);
  }
  return digest;
}
