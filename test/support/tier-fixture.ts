import { ValenceError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { TreePosition } from '../../src/core/ports.ts';
import { openSegment, parseSegment } from '../../src/format/index/segment.ts';
import { createSigningKey, verifyingKeyOf } from '../../src/format/keys/signature.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { directCoder } from '../../src/pipeline/code-stripe.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { KnownChunks } from '../../src/pipeline/known-chunks.ts';
import { Placer } from '../../src/pipeline/placer.ts';
import { DirectSealer } from '../../src/pipeline/sealer.ts';
import { Spool } from '../../src/pipeline/spool.ts';
import type { SpoolOptions } from '../../src/pipeline/spool.ts';
import { TierWriter } from '../../src/pipeline/tier-writer.ts';
import type { WaitingPack } from '../../src/pipeline/tier-writer.ts';
import { UploadedPacks } from '../../src/pipeline/uploaded-packs.ts';
import { Uploads } from '../../src/pipeline/uploads.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import type { Place } from '../../src/vault/places.ts';
import { MemoryBackend } from './memory-backend.ts';
import { MemorySpoolFiles } from './memory-spool.ts';
import { seededRandom } from './seeded-random.ts';
import { filler } from './tree-fixture.ts';

/** One tier's write side over backends in memory. */

export const MASK_KEY: Uint8Array = filler('mask key', 32);
const INDEX_KEY = filler('index key', 32);
const SIGNING_KEY = createSigningKey(seededRandom('writer'));
const HEADER = {
  vaultId: uuidText(filler('vault', 16)),
  generation: uuidText(filler('generation', 16)),
  writerId: uuidText(filler('writer', 16)),
  tier: 'home',
};

/** Refuses every put after the first `takes`. */
export class RefusingBackend extends MemoryBackend {
  takes: number;
  readonly #code: ErrorCode;

  constructor(name: string, code: ErrorCode, takes = 0) {
    super(name);
    this.#code = code;
    this.takes = takes;
  }

  override async put(...[name, body, options]: Parameters<MemoryBackend['put']>): Promise<void> {
    this.takes -= 1;
    if (this.takes < 0) throw new ValenceError(this.#code, `${this.location} takes nothing`);
    await super.put(name, body, options);
  }
}

export function holderOf(backend: MemoryBackend, domain: string = backend.location): WritableHolder {
  return {
    holder: uuidText(filler(backend.location, 16)),
    backend,
    name: backend.location,
    type: 'memory',
    domains: [domain],
    isNew: false,
  };
}

export function holders(count: number): WritableHolder[] {
  return Array.from({ length: count }, (_, i) => holderOf(new MemoryBackend(`backend ${i}`)));
}

export function backendOf(holder: WritableHolder): MemoryBackend {
  return holder.backend as MemoryBackend;
}

export function placesOf(among: readonly WritableHolder[]): Place[] {
  return among.map(({ backend, holder }) => ({ backend, holder }));
}

export interface TierFixture {
  readonly writer: TierWriter;
  readonly known: KnownChunks;
  readonly uploads: Uploads;
  readonly placer: Placer;
  readonly spoolFiles: MemorySpoolFiles;
}

export interface TierFixtureOptions {
  readonly profile?: Profile;
  readonly known?: KnownChunks;
  readonly random?: string;
  readonly spool?: { readonly memoryBytes: number; readonly disk: number };
}

export function makeTier(among: readonly WritableHolder[], options: TierFixtureOptions = {}): TierFixture {
  const { profile = { k: 2, n: 3 }, known = knownChunks([]), random = 'run', spool = {} } = options;
  const spoolFiles = new MemorySpoolFiles();
  const uploads = new Uploads({ holders: among });
  const placer = makePlacer(uploads, profile, { folder: 'shards', files: spoolFiles, ...spool });
  const writer = new TierWriter({
    profile,
    header: HEADER,
    keys: { indexKey: INDEX_KEY, signingKey: SIGNING_KEY },
    known,
    uploaded: UploadedPacks.load([], { profile, isPresent: () => false }),
    note: async () => {},
    uploads,
    placer,
    sealer: new DirectSealer(seededRandom(random)),
    spool: new Spool<WaitingPack>({ folder: 'spool', files: spoolFiles, ...spool }),
    random: seededRandom(`${random} segments`),
  });
  return { writer, known, uploads, placer, spoolFiles };
}

export function makePlacer(
  uploads: Uploads,
  profile: Profile,
  spool: SpoolOptions = { folder: 'shards', files: new MemorySpoolFiles() },
): Placer {
  return new Placer({ uploads, profile, maskKey: MASK_KEY, coder: directCoder, spool });
}

/** `isAvailable`: whether the index still finds a chunk of this name; all of them unless given. */
export function knownChunks(
  positions: Iterable<TreePosition>,
  isAvailable: (name: Uint8Array) => boolean = () => true,
): KnownChunks {
  const known = new KnownChunks();
  for (const position of positions) {
    if (isAvailable(position.name)) known.add(position);
    else known.addUnfindable(position);
  }
  return known;
}

/** What the segments of these names say, read from a holder that has them. */
export function indexOf(holder: WritableHolder, segments: readonly Uint8Array[]): IndexMap {
  const index = new IndexMap();
  for (const name of segments) {
    const bytes = backendOf(holder).objects.get(`index/${Buffer.from(name).toString('hex')}`)!;
    index.add(openSegment(parseSegment(bytes), INDEX_KEY, verifyingKeyOf(SIGNING_KEY)));
  }
  return index;
}
