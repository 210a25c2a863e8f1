import { toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { openBundle, parseBundle, verifyBundle } from '../format/keys/bundle.ts';
import type { Bundle } from '../format/keys/bundle.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import type { OwnerIdentity } from '../format/keys/owner.ts';
import type { VerifyingKey } from '../format/keys/signature.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import { sha256 } from '../format/shard/name.ts';
import { listEverywhere } from './listing.ts';
import { foreignVault } from './places.ts';
import type { Place } from './places.ts';
import { readOnce } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';

/** Whose signatures count in a vault, and which keys open its index: from the bundles under `keys/`. FORMAT.md §3.5. */

/** What a reader brings along. */
export type ReaderKey =
  | { readonly kind: 'owner'; readonly identity: OwnerIdentity }
  | { readonly kind: 'host'; readonly key: HostKey };

/** What opens the index of a vault and tells whose signatures count; no key that reads is needed for that. */
export interface IndexKeyring {
  /** UUID text. */
  readonly vaultId: string;
  /** Of a generation (UUID text), or null when this reader does not hold them. */
  secrets(generation: string): Pick<GenerationSecrets, 'indexKey'> | null;
  /** The verifying key of a writer, or null when no bundle signed by the owner names it. */
  writer(generation: string, writerId: string): VerifyingKey | null;
}

export interface Keyring extends IndexKeyring {
  /** Null for a host, which opens no snapshot's body. */
  readonly owner: OwnerIdentity | null;
  /** The secrets of a generation (UUID text), or null when this reader does not hold them. */
  secrets(generation: string): GenerationSecrets | null;
  /** Bundles found, newest first. */
  readonly bundles: readonly Bundle[];
  readonly problems: readonly ObjectProblem[];
}

/** Where a bundle lies. FORMAT.md §2.3. */
export function bundleObjectName(generation: Uint8Array, writerId: Uint8Array, bundle: Uint8Array): string {
  return `keys/${toHex(generation)}-${toHex(writerId)}-${toHex(sha256(bundle)).slice(0, 16)}`;
}

/**
 * Gathers the bundles of all places. Those that are damaged, of a newer format or not signed by the owner are passed over:
 * whoever may write to a place can put such a thing there.
 * @throws when no bundle is left: `key/wrong-key` when some are there but none is for this key, `format/newer` when one is
 * of a newer format, else `integrity/too-few-shards`
 */
export async function openKeyring(
  places: readonly Place[],
  vaultId: string | null,
  reader: ReaderKey,
  signal?: AbortSignal,
): Promise<Keyring> {
  const found = await gatherBundles(places, signal);
  const own = reader.kind === 'host' ? [parseBundle(reader.key.bundle)] : [];
  const opened = new Map<string, GenerationSecrets>();
  const writers = new Map<string, VerifyingKey>();
  const bundles: Bundle[] = [];
  let wrongKey: ValenceError | null = null;
  for (const bundle of [...own, ...found.bundles]) {
    const secrets = openOwned(bundle, reader);
    if (secrets instanceof ValenceError) {
      if (secrets.code === 'key/wrong-key') wrongKey = secrets;
      continue;
    }
    const [generation, writerId] = [uuidText(bundle.header.generation), uuidText(bundle.header.writerId)];
    if (vaultId !== null && uuidText(bundle.header.vaultId) !== vaultId) continue;
    if (secrets !== null) opened.set(generation, secrets);
    writers.set(`${generation}/${writerId}`, bundle.header.writer);
    bundles.push(bundle);
  }
  const [first] = bundles;
  if (first === undefined) throw wrongKey ?? found.newer ?? noBundle(found.problems);
  const other = bundles.find(({ header }) => Buffer.compare(header.vaultId, first.header.vaultId) !== 0);
  if (other !== undefined)
    throw foreignVault('one of the locations', uuidText(other.header.vaultId), uuidText(first.header.vaultId));
  bundles.sort((a, b) => b.header.createdAt - a.header.createdAt);
  return {
    vaultId: vaultId ?? uuidText(first.header.vaultId),
    owner: reader.kind === 'owner' ? reader.identity : null,
    secrets: (generation) => opened.get(generation) ?? null,
    writer: (generation, writerId) => writers.get(`${generation}/${writerId}`) ?? null,
    bundles,
    problems: found.problems,
  };
}

/** The secrets of a bundle that the owner signed, null where this host does not hold them; else why it does not count. */
function openOwned(bundle: Bundle, reader: ReaderKey): GenerationSecrets | null | ValenceError {
  try {
    const secrets =
      reader.kind === 'owner' ? openBundle(bundle, reader.identity).secrets : ownSecrets(bundle, reader.key);
    verifyBundle(bundle, reader.kind === 'host' ? reader.key.owner.verifyingKey : reader.identity.public.verifyingKey);
    return secrets;
  } catch (error) {
    if (isValenceError(error, 'key/wrong-key', 'integrity/authentication-failed', 'format/malformed')) return error;
    throw error;
  }
}

function ownSecrets(bundle: Bundle, key: HostKey): GenerationSecrets | null {
  return Buffer.compare(bundle.header.generation, key.generation) === 0 ? key.secrets : null;
}

interface BundlesFound {
  readonly bundles: readonly Bundle[];
  readonly problems: readonly ObjectProblem[];
  /** Why a bundle of a newer format could not be read. */
  readonly newer: ValenceError | null;
}

async function gatherBundles(places: readonly Place[], signal?: AbortSignal): Promise<BundlesFound> {
  const listing = await listEverywhere(places, 'keys/', signal);
  const bundles: Bundle[] = [];
  const problems = [...listing.problems];
  let newer: ValenceError | null = null;
  for (const { name, copies } of listing.objects.values()) {
    for (const { backend } of copies) {
      const bytes = await readOnce(backend, name, signal);
      const bundle = typeof bytes === 'string' ? bytes : parseNamed(bytes, name);
      if (bundle instanceof ValenceError) newer = bundle;
      else if (typeof bundle === 'string') problems.push({ location: backend.location, object: name, kind: bundle });
      else {
        bundles.push(bundle);
        break;
      }
    }
  }
  return { bundles, problems, newer };
}

/** The bundle, if the bytes are one of this name; an error when they are one of a newer format. */
function parseNamed(bytes: Uint8Array, name: string): Bundle | 'corrupt' | ValenceError {
  try {
    const bundle = parseBundle(bytes);
    return bundleObjectName(bundle.header.generation, bundle.header.writerId, bytes) === name ? bundle : 'corrupt';
  } catch (error) {
    if (isValenceError(error, 'format/newer')) return error;
    if (isValenceError(error, 'format/malformed')) return 'corrupt';
    throw error;
  }
}

function noBundle(problems: readonly ObjectProblem[]): ValenceError {
  return new ValenceError('integrity/too-few-shards', 'no location holds the key bundle of this vault undamaged', {
    hint: 'name more locations of this vault with --from',
    context: { missing: problems.map(({ object, kind, location }) => `${object}: ${kind} at ${location}`) },
  });
}
