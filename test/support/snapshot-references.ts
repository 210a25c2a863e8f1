import { toHex } from '../../src/core/bytes.ts';
import { openChunk } from '../../src/format/sealing/sealed-chunk.ts';
import type { Reference } from '../../src/format/tree/chunk.ts';
import { decodeChunk } from '../../src/format/tree/chunk.ts';
import type { ChunkKind } from '../../src/format/tree/content-id.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import { rootOf } from '../../src/vault/chunk-reader.ts';
import { readIndex } from '../../src/vault/index-map.ts';
import type { Keyring } from '../../src/vault/keyring.ts';
import type { Place } from '../../src/vault/places.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { openSnapshotBody } from '../../src/vault/snapshot-body.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';

/** Every chunk that a snapshot is made of, as the owner finds it from the manifest down: key by name, in hexadecimal. */
export async function referencesOf(
  snapshot: Snapshot,
  places: readonly Place[],
  keyring: Keyring,
): Promise<Map<string, Uint8Array>> {
  const { body, secrets } = openSnapshotBody(snapshot, keyring);
  const { index } = await readIndex(places, keyring, snapshot.manifest.header.index);
  const source = new PackSource(index, new StripeReader(places, secrets.maskKey));
  const keys = new Map<string, Uint8Array>();
  const visit = async ({ name, key }: Reference, kind: ChunkKind): Promise<void> => {
    keys.set(toHex(name), key);
    const { label, references } = decodeChunk(openChunk(kind, await source.sealed(name), key));
    const below = label.level > 1 ? CHUNK_KIND.node : kind === CHUNK_KIND.node ? CHUNK_KIND.leaf : CHUNK_KIND.piece;
    for (const reference of references) await visit(reference, below);
  };
  for (const tree of body.trees) await visit(tree.root, rootOf(tree).label.kind);
  return keys;
}
