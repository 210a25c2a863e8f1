-- The substrate: what a person knows, and where it comes from. FORMAT.md section 5 lists these columns one by one;
-- a column added here is added there, with a new row version.

CREATE TABLE valence.beliefs (
  id          uuid PRIMARY KEY,
  content     text NOT NULL CHECK (content <> '' AND octet_length(content) <= 16777216),
  confidence  real NOT NULL DEFAULT 1 CHECK (confidence >= 0 AND confidence <= 1),
  dimensions  jsonb CHECK (jsonb_typeof(dimensions) = 'object'),
  domains     text[] NOT NULL DEFAULT '{}'
              CHECK (array_position(domains, NULL) IS NULL AND coalesce(array_ndims(domains), 1) = 1
                     AND coalesce(array_lower(domains, 1), 1) = 1 AND '' <> ALL (domains)),
  status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'superseded', 'disputed', 'archived')),
  valid_from  timestamptz CHECK (isfinite(valid_from)),
  valid_until timestamptz CHECK (isfinite(valid_until)),
  metadata    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  version     integer NOT NULL DEFAULT 1 CHECK (version >= 1),
  created_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
  updated_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(updated_at)),
  CHECK (valid_from < valid_until)
);

-- What a belief said before, written by a trigger and never changed afterwards.
CREATE TABLE valence.belief_versions (
  belief_id   uuid NOT NULL REFERENCES valence.beliefs (id) ON DELETE CASCADE,
  version     integer NOT NULL CHECK (version >= 1),
  content     text NOT NULL,
  confidence  real NOT NULL,
  dimensions  jsonb,
  domains     text[] NOT NULL,
  status      text NOT NULL,
  valid_from  timestamptz,
  valid_until timestamptz,
  metadata    jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  replaced_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (belief_id, version)
);

CREATE TABLE valence.sources (
  id          uuid PRIMARY KEY,
  type        text NOT NULL CHECK (type <> ''),
  external_id text NOT NULL CHECK (external_id <> ''),
  title       text,
  uri         text,
  metadata    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
  retired_at  timestamptz CHECK (isfinite(retired_at)),
  UNIQUE (type, external_id)
);

CREATE TABLE valence.belief_sources (
  belief_id   uuid NOT NULL REFERENCES valence.beliefs (id) ON DELETE CASCADE,
  source_id   uuid NOT NULL REFERENCES valence.sources (id),
  metadata    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
  PRIMARY KEY (belief_id, source_id)
);
CREATE INDEX belief_sources_by_source ON valence.belief_sources (source_id, belief_id);

CREATE TABLE valence.belief_edges (
  id          uuid PRIMARY KEY,
  source_id   uuid NOT NULL REFERENCES valence.beliefs (id),
  target_id   uuid NOT NULL REFERENCES valence.beliefs (id),
  type        text COLLATE "C" NOT NULL CHECK (type IN ('supports', 'contradicts', 'supersedes', 'derives_from')),
  weight      real NOT NULL DEFAULT 1 CHECK (weight >= 0 AND weight <= 1),
  valid_from  timestamptz CHECK (isfinite(valid_from)),
  valid_until timestamptz CHECK (isfinite(valid_until)),
  retired_at  timestamptz CHECK (isfinite(retired_at)),
  metadata    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
  CHECK (source_id <> target_id),
  CHECK (valid_from < valid_until),
  -- Contradiction is mutual, so a pair is stored once; the trigger below folds the mirrored form.
  CHECK (type <> 'contradicts' OR source_id < target_id)
);
CREATE UNIQUE INDEX belief_edges_live ON valence.belief_edges (source_id, type, target_id) INCLUDE (weight)
  WHERE retired_at IS NULL;
-- These two serve the graph in either direction and hand a snapshot its rows in key order.
CREATE INDEX belief_edges_forward ON valence.belief_edges (source_id, type, target_id, id);
CREATE INDEX belief_edges_reverse ON valence.belief_edges (target_id, type, source_id, id);

CREATE TABLE valence.models (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (name <> ''),
  dimensions  integer NOT NULL CHECK (dimensions BETWEEN 1 AND 16000),
  metadata    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at  timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
  UNIQUE (id, dimensions)
);

-- `dimensions` is derived so that a foreign key, not a trigger, refuses a vector of another model's length.
CREATE TABLE valence.belief_embeddings (
  belief_id   uuid NOT NULL REFERENCES valence.beliefs (id) ON DELETE CASCADE,
  model_id    uuid NOT NULL,
  embedding   vector NOT NULL,
  dimensions  integer GENERATED ALWAYS AS (vector_dims(embedding)) STORED,
  PRIMARY KEY (model_id, belief_id),
  FOREIGN KEY (model_id, dimensions) REFERENCES valence.models (id, dimensions)
);
CREATE INDEX belief_embeddings_by_belief ON valence.belief_embeddings (belief_id);

-- Rows are known by their ids in edges, snapshots and other people's notes, and by their dimensions in vector indexes.
CREATE FUNCTION valence.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of a row in % cannot be changed', TG_ARGV[0], TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER refuse_id_change BEFORE UPDATE ON valence.beliefs
  FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION valence.refuse_change('the id');
CREATE TRIGGER refuse_id_change BEFORE UPDATE ON valence.sources
  FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION valence.refuse_change('the id');
CREATE TRIGGER refuse_id_change BEFORE UPDATE ON valence.belief_edges
  FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION valence.refuse_change('the id');
CREATE TRIGGER refuse_id_change BEFORE UPDATE ON valence.models
  FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION valence.refuse_change('the id');
CREATE TRIGGER refuse_dimensions_change BEFORE UPDATE ON valence.models
  FOR EACH ROW WHEN (OLD.dimensions <> NEW.dimensions) EXECUTE FUNCTION valence.refuse_change('the number of dimensions');

-- Versions. The number is always the trigger's, whatever an UPDATE says; a change of nothing that a version records
-- makes none.
CREATE FUNCTION valence.stamp_belief_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.content, NEW.confidence, NEW.dimensions, NEW.domains, NEW.status, NEW.valid_from, NEW.valid_until, NEW.metadata)
     IS NOT DISTINCT FROM
     (OLD.content, OLD.confidence, OLD.dimensions, OLD.domains, OLD.status, OLD.valid_from, OLD.valid_until, OLD.metadata)
  THEN
    NEW.version := OLD.version;
    NEW.updated_at := OLD.updated_at;
  ELSE
    NEW.version := OLD.version + 1;
    NEW.updated_at := greatest(now(), OLD.updated_at);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp_belief_version BEFORE UPDATE ON valence.beliefs
  FOR EACH ROW EXECUTE FUNCTION valence.stamp_belief_version();

CREATE FUNCTION valence.keep_belief_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO valence.belief_versions
    (belief_id, version, content, confidence, dimensions, domains, status, valid_from, valid_until, metadata, recorded_at)
  SELECT o.id, o.version, o.content, o.confidence, o.dimensions, o.domains, o.status, o.valid_from, o.valid_until,
         o.metadata, o.updated_at
  FROM old_beliefs o JOIN new_beliefs n ON n.id = o.id
  WHERE n.version <> o.version;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_belief_versions AFTER UPDATE ON valence.beliefs
  REFERENCING OLD TABLE AS old_beliefs NEW TABLE AS new_beliefs
  FOR EACH STATEMENT EXECUTE FUNCTION valence.keep_belief_versions();

-- Rows come from the trigger above or from a restore. One that took a number still to come would stop its belief from
-- ever changing.
CREATE FUNCTION valence.check_belief_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_versions v JOIN valence.beliefs b ON b.id = v.belief_id WHERE v.version >= b.version) THEN
    RAISE EXCEPTION 'a row of belief_versions is not older than its belief'
      USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER check_belief_versions AFTER INSERT ON valence.belief_versions
  REFERENCING NEW TABLE AS new_versions FOR EACH STATEMENT EXECUTE FUNCTION valence.check_belief_versions();

-- A version goes only together with its belief: a cascade has already removed the belief when this fires.
CREATE FUNCTION valence.refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF NOT EXISTS (SELECT FROM valence.beliefs WHERE id = OLD.belief_id) THEN
      RETURN OLD;
    END IF;
  ELSIF TG_OP = 'TRUNCATE' THEN
    IF NOT EXISTS (SELECT FROM valence.beliefs) THEN
      RETURN NULL;
    END IF;
  END IF;
  RAISE EXCEPTION 'belief_versions is append-only'
    USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER refuse_version_change BEFORE UPDATE OR DELETE ON valence.belief_versions
  FOR EACH ROW EXECUTE FUNCTION valence.refuse_version_change();
-- After, since TRUNCATE beliefs CASCADE empties both tables.
CREATE TRIGGER refuse_version_truncate AFTER TRUNCATE ON valence.belief_versions
  FOR EACH STATEMENT EXECUTE FUNCTION valence.refuse_version_change();

CREATE FUNCTION valence.fold_contradicts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lower_id uuid := least(NEW.source_id, NEW.target_id);
BEGIN
  NEW.target_id := greatest(NEW.source_id, NEW.target_id);
  NEW.source_id := lower_id;
  RETURN NEW;
END $$;
CREATE TRIGGER fold_contradicts BEFORE INSERT OR UPDATE ON valence.belief_edges
  FOR EACH ROW WHEN (NEW.type = 'contradicts') EXECUTE FUNCTION valence.fold_contradicts();

-- Supersession has no cycles, and what a live supersedes edge points at is never active.
-- One row is updated by every writer that could break this: unlike an advisory lock that also makes a second REPEATABLE
-- READ transaction fail, whose snapshot could not see the first one's edge (docs/decisions/0002-supersedes-guard.md).
CREATE TABLE valence.supersedes_guard (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  writes   bigint NOT NULL DEFAULT 0
);
INSERT INTO valence.supersedes_guard DEFAULT VALUES;

CREATE FUNCTION valence.pass_supersedes_guard() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE valence.supersedes_guard SET writes = writes + 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'supersedes_guard has lost its row' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
END $$;

-- Takes beliefs away that nothing left supersedes (Kahn 1962), over the edges that the new ones can reach: linear in their
-- number, where a search from each new edge would be quadratic along a chain. What stays lies on a cycle or after one.
CREATE FUNCTION valence.beliefs_behind_cycles(sources uuid[], targets uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SET jit = off AS $$
DECLARE
  ids     uuid[];
  ends    int[];  -- the superseded beliefs of every edge, by superseding belief
  firsts  int[];  -- where each belief's part of them begins; one more than there are beliefs
  waiting int[];  -- how many edges into each belief are left
  queue   int[];
  head    int := 1;
  node    int;
BEGIN
  WITH RECURSIVE reached (source_id, target_id) AS (
    SELECT * FROM unnest(sources, targets)
    UNION
    -- OFFSET keeps the planner from joining by a scan of all edges a step, which it prefers while a table has no statistics.
    SELECT e.source_id, e.target_id FROM reached r CROSS JOIN LATERAL (
      SELECT source_id, target_id FROM valence.belief_edges
      WHERE source_id = r.target_id AND type = 'supersedes' AND retired_at IS NULL OFFSET 0
    ) e
  ), nodes (id, number) AS MATERIALIZED (
    SELECT id, row_number() OVER (ORDER BY id)::int
    FROM (SELECT source_id FROM reached UNION SELECT target_id FROM reached) AS both_ends (id)
  ), links (source, target) AS MATERIALIZED (
    SELECT s.number, t.number FROM reached r JOIN nodes s ON s.id = r.source_id JOIN nodes t ON t.id = r.target_id
  ), counts (id, number, outgoing, incoming) AS (
    SELECT n.id, n.number, coalesce(o.edges, 0), coalesce(i.edges, 0)
    FROM nodes n
    LEFT JOIN (SELECT source, count(*)::int FROM links GROUP BY source) AS o (number, edges) ON o.number = n.number
    LEFT JOIN (SELECT target, count(*)::int FROM links GROUP BY target) AS i (number, edges) ON i.number = n.number
  )
  SELECT array_agg(c.id ORDER BY c.number), array_agg(c.incoming ORDER BY c.number),
         array_agg(c.number ORDER BY c.number) FILTER (WHERE c.incoming = 0),
         1 || array_agg(c.through ORDER BY c.number),
         (SELECT array_agg(l.target ORDER BY l.source) FROM links l)
  INTO ids, waiting, queue, firsts, ends
  FROM (SELECT *, (1 + sum(outgoing) OVER (ORDER BY number))::int AS through FROM counts) AS c;

  WHILE head <= coalesce(cardinality(queue), 0) LOOP
    node := queue[head];
    head := head + 1;
    FOR at IN firsts[node] .. firsts[node + 1] - 1 LOOP
      waiting[ends[at]] := waiting[ends[at]] - 1;
      IF waiting[ends[at]] = 0 THEN
        queue := queue || ends[at];
      END IF;
    END LOOP;
  END LOOP;
  RETURN QUERY SELECT id FROM unnest(ids, waiting) AS left_over (id, edges) WHERE edges > 0;
END $$;

CREATE FUNCTION valence.check_supersedes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  sources uuid[];
  targets uuid[];
  behind  uuid[];
  example record;
BEGIN
  SELECT array_agg(source_id), array_agg(target_id) INTO sources, targets
  FROM new_edges WHERE type = 'supersedes' AND retired_at IS NULL;
  IF sources IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM valence.pass_supersedes_guard();
  SELECT array_agg(id) INTO behind FROM valence.beliefs_behind_cycles(sources, targets) AS id;
  IF behind IS NOT NULL THEN
    SELECT source_id, target_id INTO example FROM new_edges
    WHERE type = 'supersedes' AND retired_at IS NULL AND source_id = ANY (behind) AND target_id = ANY (behind) LIMIT 1;
    RAISE EXCEPTION 'a belief cannot supersede itself, directly or through others: % supersedes %',
      example.source_id, example.target_id
      USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            CONSTRAINT = 'check_supersedes';
  END IF;
  UPDATE valence.beliefs SET status = 'superseded' WHERE id = ANY (targets) AND status = 'active';
  RETURN NULL;
END $$;
CREATE TRIGGER check_supersedes_on_insert AFTER INSERT ON valence.belief_edges
  REFERENCING NEW TABLE AS new_edges FOR EACH STATEMENT EXECUTE FUNCTION valence.check_supersedes();
CREATE TRIGGER check_supersedes_on_update AFTER UPDATE ON valence.belief_edges
  REFERENCING NEW TABLE AS new_edges FOR EACH STATEMENT EXECUTE FUNCTION valence.check_supersedes();

CREATE FUNCTION valence.refuse_reactivation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM valence.pass_supersedes_guard();
  IF EXISTS (SELECT FROM valence.belief_edges
             WHERE target_id = NEW.id AND type = 'supersedes' AND retired_at IS NULL) THEN
    RAISE EXCEPTION 'belief % is superseded and cannot become active', NEW.id
      USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            HINT = 'Retire the edge that supersedes it first.';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_reactivation BEFORE UPDATE ON valence.beliefs
  FOR EACH ROW WHEN (NEW.status = 'active' AND OLD.status <> 'active') EXECUTE FUNCTION valence.refuse_reactivation();
