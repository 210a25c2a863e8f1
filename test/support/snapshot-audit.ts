import { toHex } from '../../src/core/bytes.ts';
import { CHUNK_KIND, ContentIds } from '../../src/format/tree/content-id.ts';
import type { RestorePlan } from '../../src/pipeline/restore.ts';
import { ChunkReader, rootOf } from '../../src/vault/chunk-reader.ts';
import type { Child } from '../../src/vault/chunk-reader.ts';
import { readSegment } from '../../src/vault/index-map.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { layoutOf } from '../../src/vault/tree-reader.ts';
import type { MemoryVault } from './memory-vault.ts';

/** What is wrong with the accounts of a snapshot; both lists are empty in a sound one. */
export interface SnapshotAudit {
  /** Names that its trees refer to and its index calls dropped, or does not place. */
  readonly dropped: readonly string[];
  /** Names that its index calls live and no tree refers to. */
  readonly leaked: readonly string[];
}

export async function auditSnapshot(vault: MemoryVault, id: Uint8Array): Promise<SnapshotAudit> {
  const { plan } = await vault.readBack(id);
  const reachable = await namesIn(vault, plan);
  const live = await liveNames(vault, id, plan);
  return {
    dropped: [...reachable].filter((name) => !live.has(name)),
    leaked: [...live].filter((name) => !reachable.has(name)),
  };
}

async function namesIn(vault: MemoryVault, plan: RestorePlan): Promise<Set<string>> {
  const { places } = await vault.open();
  const stripes = new StripeReader(places, plan.secrets.maskKey);
  const reader = new ChunkReader(new PackSource(plan.index, stripes), new ContentIds(plan.secrets.contentIdKey));
  const names = new Set<string>();
  const visit = async (child: Child, tree: (typeof plan.body.trees)[number]): Promise<void> => {
    names.add(toHex(child.reference.name));
    if (child.label.kind === CHUNK_KIND.node) {
      for (const each of await reader.children(child, layoutOf(tree))) await visit(each, tree);
    } else for (const { name } of (await reader.open(child)).references) names.add(toHex(name));
  };
  for (const tree of plan.body.trees) await visit(rootOf(tree), tree);
  return names;
}

async function liveNames(vault: MemoryVault, id: Uint8Array, plan: RestorePlan): Promise<Set<string>> {
  const { places, keyring, snapshots } = await vault.open();
  const snapshot = snapshots.find(({ manifest }) => toHex(manifest.digest) === toHex(id))!;
  const names: Uint8Array[] = [];
  for (const digest of snapshot.manifest.header.index) {
    const { body } = await readSegment(places, keyring, digest);
    for (const { chunks } of [...body.stripes, ...body.inline]) names.push(...chunks.map(({ name }) => name));
  }
  return new Set(names.filter((name) => plan.index.isLive(name)).map(toHex));
}
