-- The trees of each tier's newest snapshot as this host remembers them: enough to build the next one without reading a
-- chunk back (docs/decisions/0011). Still a cache that no snapshot holds.

-- position: which state of the database was read, NULL where changes since then cannot be told. trees: the roots, a JSON
-- array (src/catalog/tree-record.ts). A head from before this migration has neither, so its next snapshot is a full scan.
ALTER TABLE valence_catalog.heads
  ADD COLUMN position text,
  ADD COLUMN trees jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(trees) = 'array');

-- Chunks were a map from content ids; now they are positions. The old rows do not say where a chunk stands, and a lost
-- cache costs one upload, so they go.
DROP TABLE valence_catalog.chunks;

-- bytea compares byte by byte, which is the order of keys (FORMAT.md 5.3). tree is the code of FORMAT.md 5.2; model_id
-- is all zeros but for the trees of one model. piece 0 is a leaf or node, from 1 the pieces of that leaf.
CREATE TABLE valence_catalog.chunks (
  vault_id   uuid NOT NULL,
  tier       text NOT NULL,
  tree       smallint NOT NULL CHECK (tree BETWEEN 1 AND 255),
  model_id   uuid NOT NULL,
  level      smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
  last_key   bytea NOT NULL CHECK (octet_length(last_key) <= 64),
  piece      integer NOT NULL CHECK (piece >= 0),
  content_id bytea NOT NULL CHECK (octet_length(content_id) = 32),
  rows       bigint NOT NULL CHECK (rows >= 0),
  bytes      bigint NOT NULL CHECK (bytes >= 0),
  name       bytea NOT NULL CHECK (octet_length(name) = 32),
  key        bytea NOT NULL CHECK (octet_length(key) = 32),
  PRIMARY KEY (vault_id, tier, tree, model_id, level, last_key, piece)
);
-- By content id alone, which is a keyed digest and stands at few positions: an index that began with vault and tier would
-- look as good as the primary key to a planner without statistics, and be a walk through the whole tier.
CREATE INDEX chunks_by_content ON valence_catalog.chunks (content_id);
-- Each commit deletes some hundreds of keys. Vacuumed soon, their room is used again and nothing is left of them in it.
ALTER TABLE valence_catalog.chunks SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- The index segments of each tier's newest snapshot, in the order of the manifest. stripes: src/catalog/stripe-list.ts.
CREATE TABLE valence_catalog.segments (
  vault_id   uuid NOT NULL,
  tier       text NOT NULL,
  ordinal    integer NOT NULL CHECK (ordinal >= 0),
  digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  stripes    bytea NOT NULL,
  PRIMARY KEY (vault_id, tier, digest)
);
