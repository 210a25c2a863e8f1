-- Which graphs of Apache AGE were made from the substrate (src/graph/projection). What they hold can be made again, so it is
-- in no snapshot, and neither is this.

CREATE TABLE valence_catalog.projections (
  name       text PRIMARY KEY,
  namespace  oid NOT NULL,           -- of its schema: another one of the same name is somebody else's
  layout     integer NOT NULL,       -- src/graph/projection/age-labels.ts: what the graph is made of
  position   text,                   -- which state of the tables it shows; NULL: changes since then cannot be told
  updated_at timestamptz NOT NULL,
  beliefs    bigint NOT NULL CHECK (beliefs >= 0),
  edges      bigint NOT NULL CHECK (edges >= 0)
);
