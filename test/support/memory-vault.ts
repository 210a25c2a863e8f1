import type { Backend } from '../../src/backends/backend.ts';
import { toHex } from '../../src/core/bytes.ts';
import type { LockedSnapshot, LockLedger, SnapshotSource, UploadJournal } from '../../src/core/ports.ts';
import { createBundle } from '../../src/format/keys/bundle.ts';
import { createHostKey } from '../../src/format/keys/host-key.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { createMasterSeed, ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { createSigningKey } from '../../src/format/keys/signature.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import { runBackup } from '../../src/pipeline/backup.ts';
import type { BackedUp, BackupOptions, BackupTier } from '../../src/pipeline/backup.ts';
import { directCoder } from '../../src/pipeline/code-stripe.ts';
import { planRestore } from '../../src/pipeline/restore.ts';
import type { RestorePlan } from '../../src/pipeline/restore.ts';
import { DirectSealer } from '../../src/pipeline/sealer.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import type { Keyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import type { Place } from '../../src/vault/places.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { layoutOf, TreeReader } from '../../src/vault/tree-reader.ts';
import { uuidText } from '../../src/core/ids.ts';
import { MemoryBackend } from './memory-backend.ts';
import { MemoryCatalog } from './memory-catalog.ts';
import { MemorySpoolFiles } from './memory-spool.ts';
import { idOf } from './memory-substrate.ts';
import { seededRandom } from './seeded-random.ts';

/** The upload journal in a map. */
export class MemoryJournal implements UploadJournal {
  readonly entries: Map<string, Uint8Array[]> = new Map();

  async read(tier: string): Promise<readonly Uint8Array[]> {
    return this.entries.get(tier) ?? [];
  }

  async append(tier: string, entry: Uint8Array): Promise<void> {
    this.entries.set(tier, [...(this.entries.get(tier) ?? []), Uint8Array.from(entry)]);
  }

  async clear(tier: string): Promise<void> {
    this.entries.delete(tier);
  }
}

/** The ledger of locks in a map. */
export class MemoryLocks implements LockLedger {
  readonly entries: Map<string, LockedSnapshot> = new Map();

  async read(tier: string): Promise<LockedSnapshot | null> {
    return this.entries.get(tier) ?? null;
  }

  async write(tier: string, locked: LockedSnapshot): Promise<void> {
    this.entries.set(tier, locked);
  }
}

/** A vault on backends in memory with everything that a host remembers of it. */
export class MemoryVault {
  readonly backends: MemoryBackend[];
  /** Puts something between a run and its backends. */
  around: (backend: MemoryBackend) => Backend = (backend) => backend;
  /** Object lock of all tiers. */
  lock: BackupTier['lock'];
  readonly catalog: MemoryCatalog = new MemoryCatalog();
  readonly journal: MemoryJournal = new MemoryJournal();
  readonly locks: MemoryLocks = new MemoryLocks();
  readonly owner: OwnerIdentity;
  readonly hostKey: HostKey;
  readonly #profile: Profile;
  readonly #random: ReturnType<typeof seededRandom>;
  #now = Date.UTC(2026, 0, 1);

  constructor(seed: string, profile: Profile = { k: 3, n: 5 }) {
    this.#profile = profile;
    this.#random = seededRandom(seed);
    this.owner = ownerIdentity(createMasterSeed(this.#random));
    this.hostKey = newHostKey(this.owner, this.#random);
    this.backends = Array.from({ length: profile.n }, (_, i) => new MemoryBackend(`${i}`));
  }

  /** A run of these tiers over a state of the substrate. `more` replaces what a test wants otherwise. */
  async run(
    source: () => SnapshotSource,
    tiers: readonly string[],
    more: Partial<BackupOptions> = {},
  ): Promise<BackedUp[]> {
    const done: BackedUp[] = [];
    await runBackup({
      tiers: tiers.map((name) => this.tier(name)),
      hostKey: this.hostKey,
      withSnapshot: (read) => read({ source: source(), stored: this.catalog }),
      catalog: this.catalog,
      journal: this.journal,
      locks: this.locks,
      sealer: new DirectSealer(this.#random),
      coder: directCoder,
      spool: { folder: 'spool', files: new MemorySpoolFiles() },
      configuration: 'version: 1\n',
      clock: { now: () => (this.#now += 60_000) },
      random: this.#random,
      progress: () => {},
      committed: (each) => done.push(each),
      ...more,
    });
    return done;
  }

  /** A tier on all backends. */
  tier(name: string, profile: Profile = this.#profile): BackupTier {
    const configured = this.backends.map((backend, i) => ({
      backend: this.around(backend),
      name: `place-${i}`,
      type: 'memory',
      domains: [`domain-${i}`],
    }));
    const places = configured.map(({ domains }) => domains);
    return { name, profile, backends: configured, away: [], places, lock: this.lock };
  }

  async open(): Promise<{ places: readonly Place[]; keyring: Keyring; snapshots: readonly Snapshot[] }> {
    const vaultId = uuidText(this.hostKey.vaultId);
    const { places } = await openPlaces(this.backends, vaultId);
    const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: this.owner });
    const { snapshots } = await findSnapshots(places, keyring, null);
    return { places, keyring, snapshots };
  }

  /** The rows of a snapshot, as `MemorySubstrate.state` gives them. */
  async readBack(id: Uint8Array): Promise<{ state: Readonly<Record<string, string>>; plan: RestorePlan }> {
    const { places, keyring, snapshots } = await this.open();
    const snapshot = snapshots.find(({ manifest }) => toHex(manifest.digest) === toHex(id))!;
    const plan = await planRestore({ places, keyring, snapshot });
    if (plan.loss !== null) throw plan.loss;
    const stripes = new StripeReader(places, plan.secrets.maskKey, { presence: plan.presence });
    const reader = new TreeReader(
      new ChunkReader(new PackSource(plan.index, stripes), new ContentIds(plan.secrets.contentIdKey)),
    );
    const state: Record<string, string> = {};
    for (const tree of plan.body.trees) {
      const { name, perModel } = layoutOf(tree);
      const called = idOf(perModel === true ? { name, modelId: uuidText(tree.summary.modelId) } : { name });
      state[called] = toHex(Buffer.concat(await Array.fromAsync(reader.copy(tree))));
    }
    return { state, plan };
  }
}

function newHostKey(owner: OwnerIdentity, random: ReturnType<typeof seededRandom>): HostKey {
  const opened = { secrets: createGenerationSecrets(random), signingKey: createSigningKey(random) };
  const ids = { vaultId: random.bytes(16), generation: random.bytes(16), writerId: random.bytes(16) };
  const recipients = [owner.public.recipient];
  const bundle = createBundle({ ...ids, ...opened, createdAt: 1, recipients }, owner.signingKey, random);
  return createHostKey({ bundle, opened, owner: owner.public, recipients });
}
