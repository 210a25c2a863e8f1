import { MemoryBackend } from '../../test/support/memory-backend.ts';
import { MemoryCatalog } from '../../test/support/memory-catalog.ts';
import type { TreeId } from '../../src/core/ports.ts';
import { toHex } from '../../src/core/bytes.ts';
import { createBundle } from '../../src/format/keys/bundle.ts';
import { createHostKey } from '../../src/format/keys/host-key.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { encodeMasterKey } from '../../src/format/keys/master-key.ts';
import { createMasterSeed, ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { createSigningKey } from '../../src/format/keys/signature.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import type { SealedChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { encodeVaultFile } from '../../src/format/vault-file.ts';
import { directCoder } from '../../src/pipeline/code-stripe.ts';
import { runBackup } from '../../src/pipeline/backup.ts';
import type { BackupOptions } from '../../src/pipeline/backup.ts';
import type { Sealer } from '../../src/pipeline/sealer.ts';
import { restoreVector } from '../../test/vectors/vault-operations.ts';
import type { PlaceChange, VaultVector, VaultVectors } from '../../test/vectors/vault-operations.ts';
import { seededRandom } from '../../test/vectors/vector.ts';
import { CHEAP, PASSPHRASE } from './file-vectors.ts';
import { MOMENT } from './key-vectors.ts';
import { payloadOf, plainFrame, sealPayload } from './storage-vectors.ts';
import { rowsOf, sourceOf, STATES } from './vault-rows.ts';
import type { PlainRow, Substrate } from './vault-rows.ts';

/** A whole vault on five places, and ways to damage it: FORMAT.md §9. */

const PLACES = 5;
const AUTH = 'integrity/authentication-failed';
const TOO_FEW = 'integrity/too-few-shards';
/** A reader that does not know a text this long by heart compares its digest. */
const LONG_TEXT = 1000;

export async function vaultVectors(): Promise<VaultVectors> {
  const random = seededRandom('vault');
  const masterSeed = createMasterSeed(random);
  const owner = ownerIdentity(masterSeed);
  const hostKey = newHostKey(owner, random);
  const backends = Array.from({ length: PLACES }, (_, i) => new MemoryBackend(String(i)));
  const catalog = new MemoryCatalog();
  for (const state of STATES) await backUp(state, { hostKey, backends, catalog });
  const masterKey = Buffer.from(await encodeMasterKey(masterSeed, PASSPHRASE, random, CHEAP)).toString();
  const vault = {
    about:
      `A vault with two snapshots of tier main at 3/5 (FORMAT.md §9). A place is a list of names of objects; objects are in base64. rows are those of the
newest snapshot; a text of more than ${LONG_TEXT} characters is given by its length and the SHA-256 of its UTF-8. jsonb values are given as their text.`.replace(
        '\n',
        ' ',
      ),
    masterKey,
    passphrase: PASSPHRASE,
    tier: 'main',
    objects: objectsOf(backends),
    places: backends.map(({ objects }) => [...objects.keys()].sort()),
    rows: readableRows(STATES.at(-1)!),
  };
  const vectors = damages(backends);
  for (const vector of vectors) await check(vector, { ...vault, vectors: [] });
  return { ...vault, vectors };
}

function newHostKey(owner: OwnerIdentity, random: ReturnType<typeof seededRandom>): HostKey {
  const opened = { secrets: createGenerationSecrets(random), signingKey: createSigningKey(random) };
  const ids = { vaultId: random.bytes(16), generation: random.bytes(16), writerId: random.bytes(16) };
  const recipients = [owner.public.recipient];
  const bundle = createBundle({ ...ids, ...opened, createdAt: MOMENT, recipients }, owner.signingKey, random);
  return createHostKey({ bundle, opened, owner: owner.public, recipients });
}

interface Host {
  readonly hostKey: HostKey;
  readonly backends: readonly MemoryBackend[];
  readonly catalog: MemoryCatalog;
}

async function backUp(state: Substrate, { hostKey, backends, catalog }: Host): Promise<void> {
  const random = seededRandom(`backup of ${state.tables['beliefs']!.length} beliefs`);
  const configured = backends.map((backend, i) => ({
    backend,
    name: `place-${i}`,
    type: 'memory',
    domains: [`domain-${i}`],
  }));
  const tier = {
    name: 'main',
    profile: { k: 3, n: 5 },
    backends: configured,
    away: [],
    places: configured.map(({ domains }) => domains),
  };
  const refuse = (): Promise<never> => Promise.reject(new Error('nothing waits on disk'));
  const options: BackupOptions = {
    tiers: [tier],
    hostKey,
    withSnapshot: (read) => read({ source: sourceOf(state), stored: catalog }),
    catalog,
    journal: { read: async () => [], append: async () => {}, clear: async () => {} },
    sealer: plainSealer(random),
    coder: directCoder,
    spool: { folder: '/nowhere', files: { write: refuse, take: refuse, remove: refuse } },
    configuration: 'version: 1\n',
    clock: { now: () => MOMENT },
    random,
    progress: () => {},
    committed: () => {},
  };
  await runBackup(options);
}

/** Seals as our writers do, but for a compressor whose bytes do not change from release to release. */
function plainSealer(random: ReturnType<typeof seededRandom>): Sealer {
  const seal = (kind: number, plaintext: Uint8Array): SealedChunk => {
    const key = random.bytes(32);
    const frame = plainFrame(plaintext);
    const smaller = frame.length < plaintext.length;
    const sealed = sealPayload(kind, payloadOf(smaller ? 1 : 0, plaintext.length, smaller ? frame : plaintext), key);
    return { name: sha256(sealed), key, sealed };
  };
  return { seal: (label, plaintext) => Promise.resolve(seal(label.kind, plaintext)), ready: () => Promise.resolve() };
}

function objectsOf(backends: readonly MemoryBackend[]): Record<string, string> {
  const objects: Record<string, string> = {};
  for (const [i, backend] of backends.entries()) {
    for (const [name, bytes] of backend.objects) {
      objects[name === 'valence.json' ? `${i}/${name}` : name] = Buffer.from(bytes).toString('base64');
    }
  }
  return Object.fromEntries(Object.entries(objects).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readableRows(state: Substrate): VaultVectors['rows'] {
  return sourceOf(state).trees.map((tree: TreeId) => ({
    tree: tree.name,
    model: tree.modelId ?? null,
    rows: rowsOf(state, tree).map(readableRow),
  }));
}

function readableRow(row: PlainRow): PlainRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, readableValue(value)]));
}

function readableValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readableValue);
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'string' || value.length <= LONG_TEXT) return value;
  return { length: value.length, sha256: toHex(sha256(Buffer.from(value))) };
}

/** From any three places it is whole; what is done to it otherwise must be seen. */
function damages(backends: readonly MemoryBackend[]): VaultVector[] {
  const names = [...new Set(backends.flatMap(({ objects }) => [...objects.keys()]))].sort();
  const withPrefix = (prefix: string): readonly string[] => names.filter((name) => name.startsWith(prefix));
  const [segments, snapshots] = [withPrefix('index/'), withPrefix('snapshots/')];
  const [bundle, newest] = [withPrefix('keys/')[0]!, snapshots.at(-1)!];
  const everywhere = (object: string, change: PlaceChange['change'], ...places: readonly number[]): PlaceChange[] =>
    (places.length > 0 ? places : backends.map((_, i) => i)).map((place) => ({ place, object, change }));
  const shardsOf = (...places: readonly number[]): PlaceChange[] =>
    places.flatMap((place) =>
      withPrefix('shards/')
        .filter((name) => backends[place]!.objects.has(name))
        .map((object) => ({ place, object, change: 'remove' as const })),
    );
  const all = [0, 1, 2, 3, 4];
  const vector = (
    id: string,
    [spec, expect]: readonly [string, string],
    places: readonly number[],
    changes: readonly PlaceChange[] = [],
  ): VaultVector => ({ id, spec, expect, places, changes });
  const otherVault = Buffer.from(
    encodeVaultFile({
      vaultId: '0197f0a0-0000-7000-8000-000000000001',
      holder: '0197f0a0-0000-4000-8000-000000000002',
    }),
  );
  return [
    ...threes().map((places) => vector(`places ${places.join(', ')}`, ['9.1', 'ok'], places)),
    vector('all places', ['9.1', 'ok'], all),
    vector('two shards gone', ['F-9.1.1', 'ok'], all, shardsOf(0, 3)),
    vector('two shards damaged', ['F-9.1.1', 'ok'], all, damaged(shardsOf(1, 4))),
    vector('manifest whole at one place', ['F-2.3.1', 'ok'], all, everywhere(newest, 'damage', 0, 1, 2, 3)),
    vector('bundle whole at one place', ['F-2.3.1', 'ok'], all, everywhere(bundle, 'remove', 0, 1, 2, 4)),
    vector('all valence.json gone but one', ['F-2.2.6', 'ok'], all, everywhere('valence.json', 'damage', 0, 1, 2, 3)),
    vector('two places', ['F-6.3.1', TOO_FEW], [1, 2]),
    vector('one place', ['F-6.3.1', TOO_FEW], [4]),
    vector('three shards gone', ['F-6.3.1', TOO_FEW], all, shardsOf(0, 1, 2)),
    vector('three shards damaged', ['F-2.3.1', TOO_FEW], all, damaged(shardsOf(2, 3, 4))),
    vector('manifest damaged everywhere', ['F-2.3.3', AUTH], all, everywhere(newest, 'damage')),
    vector('one segment gone', ['F-2.3.3', TOO_FEW], all, everywhere(segments[0]!, 'remove')),
    vector('one segment damaged', ['F-2.3.3', AUTH], all, everywhere(segments[0]!, 'damage')),
    vector('the other segment gone', ['F-2.3.3', TOO_FEW], all, everywhere(segments[1]!, 'remove')),
    vector('the other segment damaged', ['F-2.3.3', AUTH], all, everywhere(segments[1]!, 'damage')),
    vector('bundle gone', ['F-3.5.6', TOO_FEW], all, everywhere(bundle, 'remove')),
    vector('bundle damaged', ['F-3.5.6', TOO_FEW], all, everywhere(bundle, 'damage')),
    vector(
      'newest manifest under another sequence',
      ['F-8.1.2', AUTH],
      all,
      everywhere(newest, { rename: newest.replace('0000000002', '0000000003') }),
    ),
    vector('newest manifest in another tier', ['F-8.1.2', AUTH], all, [
      ...snapshots.flatMap((name) =>
        everywhere(name, name === newest ? { rename: newest.replace('/main/', '/other/') } : 'remove'),
      ),
    ]),
    vector('a place of another vault', ['F-2.2.4', 'backend/foreign-vault'], all, [
      { place: 2, object: 'valence.json', change: { bytes: otherVault.toString('base64') } },
    ]),
    vector('master key of another', ['F-3.5.6', 'key/wrong-key'], all, [
      { place: 0, object: 'master.key', change: 'damage' },
    ]),
  ];
}

function damaged(changes: readonly PlaceChange[]): PlaceChange[] {
  return changes.map((change) => ({ ...change, change: 'damage' }));
}

function threes(): number[][] {
  const places = [0, 1, 2, 3, 4];
  return places.flatMap((a) =>
    places.filter((b) => b > a).flatMap((b) => places.filter((c) => c > b).map((c) => [a, b, c])),
  );
}

async function check(vector: VaultVector, vault: VaultVectors): Promise<void> {
  const found = await restoreVector(vault, vector);
  if (found !== vector.expect) throw new Error(`vector ${vector.id} gives ${found}, not ${vector.expect}`);
}
