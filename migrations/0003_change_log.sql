-- Which rows changed since an earlier snapshot (DESIGN D5, docs/decisions/0011-incremental-backup.md). Every statement
-- that touches the substrate appends the keys it touched, under its transaction's id; a reader takes those entries whose
-- transaction the earlier snapshot could not see. What the log is worth stands and falls with these triggers, so a reader
-- first sees that they are as they were made (change_log_parts).

CREATE TABLE valence_catalog.change_log (
  only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch       uuid NOT NULL DEFAULT gen_random_uuid(),  -- another one once entries are lost that somebody may need
  limit_bytes bigint NOT NULL DEFAULT 64 * 1024 * 1024 CHECK (limit_bytes >= 0),
  trimmed_to  pg_snapshot,                              -- entries that this snapshot sees may be gone; NULL: none is
  made        bytea                                     -- SHA-256 of the parts, as the newest migration made them
);

CREATE TABLE valence_catalog.changes (
  xid  xid8 NOT NULL DEFAULT pg_current_xact_id(),
  tree smallint NOT NULL,  -- code of FORMAT.md 5.2; 0: the log stopped here, and says nothing from then on
  keys bytea               -- keys of FORMAT.md 5.3 end to end, of embeddings the model's id before each; NULL: any row
);
-- An entry fits a page, so that nothing is kept out of line and the size of the table is the size of the log.
ALTER TABLE valence_catalog.changes ALTER COLUMN keys SET STORAGE PLAIN;
CREATE INDEX changes_stop ON valence_catalog.changes (tree) WHERE tree = 0;

-- Entries of 8,000 bytes hold a whole number of keys of every length there is. A reader that meets more than 200,000 keys
-- scans the table, so a statement that touches more only says so: it pays nothing, and does not fill the log.
CREATE FUNCTION valence_catalog.log_keys(of_tree int, key_count bigint, key_bytes bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF key_count = 0 THEN
    RETURN;
  END IF;
  IF pg_relation_size('valence_catalog.changes') > (SELECT limit_bytes FROM valence_catalog.change_log) THEN
    -- Who begins the log anew locks it against everyone: by then each transaction that found it stopped has ended.
    LOCK TABLE valence_catalog.changes IN ROW EXCLUSIVE MODE;
    IF pg_relation_size('valence_catalog.changes') > (SELECT limit_bytes FROM valence_catalog.change_log) THEN
      INSERT INTO valence_catalog.changes (tree)
        SELECT 0 WHERE NOT EXISTS (SELECT FROM valence_catalog.changes WHERE tree = 0);
      RETURN;
    END IF;
  END IF;
  IF key_count > 200000 THEN
    INSERT INTO valence_catalog.changes (tree) VALUES (of_tree);
  ELSIF octet_length(key_bytes) > 8000 THEN
    INSERT INTO valence_catalog.changes (tree, keys)
      SELECT of_tree, substr(key_bytes, at, 8000) FROM generate_series(1, octet_length(key_bytes), 8000) AS at;
  ELSE
    INSERT INTO valence_catalog.changes (tree, keys) VALUES (of_tree, key_bytes);
  END IF;
END $$;

-- One function a table, since each reads transition tables of other columns. They run as their owner: a role that may
-- write beliefs need not know of the catalog. Every session fires the triggers of statements, whatever its
-- session_replication_role. The apply worker of a subscription fires those of rows only: the last one is for it.
DO $do$
DECLARE
  logged record;
BEGIN
  FOR logged IN
    SELECT name, tree, replace(key, '@', 'r') AS key, replace(key, '@', 'OLD') AS old_key, replace(key, '@', 'NEW') AS new_key
    FROM (VALUES
      (1, 'beliefs',           'uuid_send(@.id)'),
      (2, 'belief_versions',   'uuid_send(@.belief_id) || int4send(@.version)'),
      (3, 'sources',           'uuid_send(@.id)'),
      (4, 'belief_sources',    'uuid_send(@.belief_id) || uuid_send(@.source_id)'),
      (5, 'belief_edges',      'uuid_send(@.source_id) || substr(convert_to(@.type, ''UTF8'') || decode(repeat(''00'', 16), ''hex''), 1, 16)'
                               ' || uuid_send(@.target_id) || uuid_send(@.id)'),
      (7, 'models',            'uuid_send(@.id)'),
      (8, 'belief_embeddings', 'uuid_send(@.model_id) || uuid_send(@.belief_id)')
    ) AS trees (tree, name, key)
  LOOP
    EXECUTE format($function$
      CREATE FUNCTION valence_catalog.log_%1$s() RETURNS trigger
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
      BEGIN
        IF TG_LEVEL = 'ROW' THEN
          IF TG_OP <> 'INSERT' THEN
            PERFORM valence_catalog.log_keys(%2$s, 1, %4$s);
          END IF;
          IF TG_OP <> 'DELETE' THEN
            PERFORM valence_catalog.log_keys(%2$s, 1, %5$s);
          END IF;
        ELSIF TG_OP = 'INSERT' THEN
          PERFORM valence_catalog.log_keys(%2$s, count(*), string_agg(key, ''))
          FROM (SELECT %3$s AS key FROM new_rows AS r LIMIT 200001) AS touched;
        ELSIF TG_OP = 'DELETE' THEN
          PERFORM valence_catalog.log_keys(%2$s, count(*), string_agg(key, ''))
          FROM (SELECT %3$s AS key FROM old_rows AS r LIMIT 200001) AS touched;
        ELSIF TG_OP = 'UPDATE' THEN
          PERFORM valence_catalog.log_keys(%2$s, count(*), string_agg(key, ''))
          FROM ((SELECT %3$s AS key FROM old_rows AS r LIMIT 200001) UNION
                (SELECT %3$s AS key FROM new_rows AS r LIMIT 200001)) AS touched;
        ELSE
          PERFORM valence_catalog.log_keys(%2$s, 200001, NULL);
        END IF;
        RETURN NULL;
      END $body$
    $function$, logged.name, logged.tree, logged.key, logged.old_key, logged.new_key);
    EXECUTE format($triggers$
      CREATE TRIGGER log_insert AFTER INSERT ON valence.%1$s
        REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION valence_catalog.log_%1$s();
      CREATE TRIGGER log_update AFTER UPDATE ON valence.%1$s
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION valence_catalog.log_%1$s();
      CREATE TRIGGER log_delete AFTER DELETE ON valence.%1$s
        REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION valence_catalog.log_%1$s();
      CREATE TRIGGER log_truncate AFTER TRUNCATE ON valence.%1$s
        FOR EACH STATEMENT EXECUTE FUNCTION valence_catalog.log_%1$s();
      CREATE TRIGGER log_replicated_row AFTER INSERT OR UPDATE OR DELETE ON valence.%1$s
        FOR EACH ROW EXECUTE FUNCTION valence_catalog.log_%1$s();
      ALTER TABLE valence.%1$s
        ENABLE ALWAYS TRIGGER log_insert, ENABLE ALWAYS TRIGGER log_update, ENABLE ALWAYS TRIGGER log_delete,
        ENABLE ALWAYS TRIGGER log_truncate, ENABLE REPLICA TRIGGER log_replicated_row;
    $triggers$, logged.name);
  END LOOP;
END $do$;

-- Entries that somebody takes out by hand may be needed, and those that found the log stopped must have ended (above).
CREATE FUNCTION valence_catalog.log_taken_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_setting('valence_catalog.trimming', true) IS DISTINCT FROM 'on' THEN
    LOCK TABLE valence_catalog.changes IN SHARE ROW EXCLUSIVE MODE;
    UPDATE valence_catalog.change_log SET epoch = gen_random_uuid(), trimmed_to = NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER log_taken_out AFTER UPDATE OR DELETE OR TRUNCATE ON valence_catalog.changes
  FOR EACH STATEMENT EXECUTE FUNCTION valence_catalog.log_taken_out();
ALTER TABLE valence_catalog.changes ENABLE ALWAYS TRIGGER log_taken_out;

-- All that the log's word rests on. `part`: how it must be, the same in every database; `version`: differs also when
-- something was changed and changed back, e.g. a trigger off for a while, or a column's type, which rewrites its table.
CREATE FUNCTION valence_catalog.change_log_parts() RETURNS TABLE (part text, version text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH tables AS (
    SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, n.nspname = 'valence_catalog' AS ours
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname = 'valence' AND c.relname IN ('beliefs', 'belief_versions', 'sources', 'belief_sources', 'belief_edges',
                                                   'models', 'belief_embeddings'))
       OR (n.nspname = 'valence_catalog' AND c.relname IN ('change_log', 'changes'))
  )
  SELECT concat_ws(' ', 'table', relname, relkind, relpersistence, CASE WHEN ours THEN relrowsecurity END), oid::text
  FROM tables
  UNION ALL
  SELECT NULL, concat_ws(' ', 'column', t.relname, a.attname, a.attnum, a.atttypid, a.xmin)
  FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid WHERE a.attnum > 0
  UNION ALL
  SELECT concat_ws(' ', 'trigger', t.relname, g.tgname, g.tgenabled, g.tgtype, p.proname, g.tgoldtable, g.tgnewtable, g.tgqual),
         concat_ws(' ', g.oid, g.xmin)
  FROM pg_trigger g JOIN tables t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
  WHERE NOT g.tgisinternal AND (t.ours OR p.pronamespace = 'valence_catalog'::regnamespace)
  UNION ALL
  SELECT concat_ws(' ', 'function', p.proname, p.prosecdef, p.proconfig, p.prosrc), concat_ws(' ', p.oid, p.xmin)
  FROM pg_proc p WHERE p.pronamespace = 'valence_catalog'::regnamespace AND p.proname ^@ 'log_'
  UNION ALL
  SELECT concat_ws(' ', 'rule', t.relname, r.rulename), concat_ws(' ', r.oid, r.xmin)
  FROM pg_rewrite r JOIN tables t ON t.oid = r.ev_class WHERE t.ours
  UNION ALL
  -- Rows of a table that inherits are rows of its parent to a reader, but not to the parent's triggers.
  SELECT concat_ws(' ', 'child', t.relname), i.inhrelid::text
  FROM pg_inherits i JOIN tables t ON t.oid = i.inhparent
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA valence_catalog FROM PUBLIC;

INSERT INTO valence_catalog.change_log (made)
  SELECT sha256(convert_to(string_agg(part, E'\n' ORDER BY part COLLATE "C"), 'UTF8')) FROM valence_catalog.change_log_parts();
