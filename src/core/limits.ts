/** Every bound in one place; those that a reader of our format must know are repeated in FORMAT.md §11. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Longest shard. One IPFS block and one small S3 object carry it. */
export const SHARD_BYTES_MAX: number = MIB;
/** A field of a row above this goes into chunks of its own; five of them still fit one leaf, and the leaf one pack at k = 1. */
export const INLINE_VALUE_BYTES_MAX: number = 128 * KIB;
/** How a large field is cut. */
export const VALUE_PIECE_BYTES: number = 256 * KIB;
/** Largest field of a row: Postgres allows 1 GiB, but a row passes through memory whole. */
export const FIELD_BYTES_MAX: number = 256 * MIB;
/** Plaintext of any chunk; a sealed one, 21 bytes longer, must fit a pack of one shard. */
export const CHUNK_BYTES_MAX: number = MIB - 64;
/** A writer ends a pack here: at 36 bytes each in the index, a segment with one such stripe of 255 shards stays below its maximum. */
export const PACK_CHUNKS_MAX: number = 32 * KIB;
/** A pack below this travels inside the index segment instead of becoming n shards. */
export const SMALL_PACK_BYTES: number = 64 * KIB;
/** A writer ends an index segment here. */
export const SEGMENT_BYTES_AIM: number = 768 * KIB;
/** Stripes that a repair has in memory at once: twice a pack of 10 MiB and its shards each, at 10 of 15. */
export const REPAIRS_AT_ONCE: number = 3;
/** A repair writes down what it did at least once in so many stripes, so that an interruption costs little. */
export const REPAIRS_A_RECORD: number = 256;
/** A reader refuses a larger one. */
export const SEGMENT_BYTES_MAX: number = 4 * MIB;
export const MANIFEST_BYTES_MAX: number = 4 * MIB;
export const BUNDLE_BYTES_MAX: number = 256 * KIB;
export const VAULT_FILE_BYTES_MAX: number = 64 * KIB;
/** A tree of 2^63 rows with two entries a node would be this deep. */
export const TREE_LEVEL_MAX: number = 63;

/** Sealed packs waiting in memory to be coded, and as much again of shards waiting for their holders; above it they wait on disk. */
export const SPOOL_MEMORY_BYTES: number = 16 * MIB;
/** Of a tier: sealed packs waiting on disk, above it reading rows waits; and as much again of shards, above it coding waits for the slowest holder. */
export const SPOOL_DISK_BYTES: number = 4 * 1024 * MIB;
/** Shards of a tier on their way to its holders. */
export const UPLOAD_MEMORY_BYTES: number = 32 * MIB;
/** Shards on their way to one holder, whatever it would allow. */
export const UPLOADS_AT_ONCE: number = 4;
/** Decoded packs that a restore keeps at hand. */
export const PACK_CACHE_BYTES: number = 48 * MIB;
/** Choices of shards that a reader tries where some may be wrong: all of them at 5 of 9 with four shards placed twice. */
export const DECODINGS_MAX: number = 512;
/** Snapshots read at once while listing. */
export const READS_AT_ONCE: number = 16;
/** Beliefs, and edges, of a graph that is worked on in memory: at some 60 bytes each, 3 GiB. */
export const GRAPH_ROWS_MAX = 50_000_000;
