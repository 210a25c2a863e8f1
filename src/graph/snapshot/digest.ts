import { createHash } from 'node:crypto';
import { toHex, utf8 } from '../../core/bytes.ts';
import { uuidBytes } from '../../core/ids.ts';
import type { SnapshotSource } from '../../core/ports.ts';
import { copyTuples } from '../../core/copy-stream.ts';

export interface SubstrateDigest {
  /** SHA-256, lower-case hexadecimal. */
  readonly digest: string;
  /** Rows a table, every table of the substrate. */
  readonly counts: Readonly<Record<string, number>>;
}

/** It holds the rows of `belief_edges` once more, in another order. */
const REVERSE_TREE = 'belief_edges_reverse';

/**
 * A SHA-256 over all columns of all substrate tables, equal for equal substrates on any engine. Hashed are, for every tree of
 * the source but the reverse one, in the source's order: the name of the tree in UTF-8; for embeddings the 16 bytes
 * of the model's id; then each row in key order as a tuple of Postgres binary COPY of the columns that FORMAT.md section 5
 * lists, without header and trailer. A tuple begins with its number of fields, a name with a letter, so that no
 * two substrates give the same bytes.
 */
export async function substrateDigest(source: SnapshotSource): Promise<SubstrateDigest> {
  const hash = createHash('sha256');
  const counts: Record<string, number> = { belief_embeddings: 0 };
  for (const tree of source.trees) {
    if (tree.name === REVERSE_TREE) continue;
    hash.update(utf8(tree.name));
    if (tree.modelId !== undefined) hash.update(uuidBytes(tree.modelId));
    let count = 0;
    for await (const tuples of copyTuples(source.rows(tree))) {
      hash.update(tuples.bytes);
      count += tuples.count;
    }
    counts[tree.name] = (counts[tree.name] ?? 0) + count;
  }
  return { digest: toHex(hash.digest()), counts };
}
