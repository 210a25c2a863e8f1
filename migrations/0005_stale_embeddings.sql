-- An embedding belongs to the content that it was made of (docs/decisions/0016-graph-queries.md): when the content of a
-- belief changes, its embeddings go, of every model, until others are made. Whoever brings new content and new vectors
-- together writes the content first.

-- As its owner: a role that may change beliefs need not have rights on their embeddings. Without nested loops: a plan is
-- kept from the first statement of a session, which may have changed one row, to another that changes a million.
CREATE FUNCTION valence.drop_stale_embeddings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE
  changed uuid[];
BEGIN
  SELECT array_agg(n.id) INTO changed
  FROM old_beliefs o JOIN new_beliefs n ON n.id = o.id WHERE n.content <> o.content;
  IF changed IS NOT NULL THEN
    DELETE FROM valence.belief_embeddings WHERE belief_id = ANY (changed);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER drop_stale_embeddings AFTER UPDATE ON valence.beliefs
  REFERENCING OLD TABLE AS old_beliefs NEW TABLE AS new_beliefs
  FOR EACH STATEMENT EXECUTE FUNCTION valence.drop_stale_embeddings();

-- The same for the function of 0001 that keeps versions, which joins the same rows: 20,000 changed contents took 40 s where
-- the session had changed one before.
ALTER FUNCTION valence.keep_belief_versions() SET enable_nestloop = off;
