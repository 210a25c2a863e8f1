-- What this host knows of its vault: a cache that a lost database only makes slower to refill (DESIGN D6, D9).
-- Never part of a snapshot. It keeps the keys of the newest snapshot of each tier and of no older one.

CREATE TABLE valence_catalog.heads (
  vault_id     uuid NOT NULL,
  tier         text NOT NULL,
  sequence     bigint NOT NULL CHECK (sequence >= 1),
  digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
  content_root bytea NOT NULL CHECK (octet_length(content_root) = 32),
  committed_at timestamptz NOT NULL,
  PRIMARY KEY (vault_id, tier)
);

CREATE TABLE valence_catalog.chunks (
  vault_id     uuid NOT NULL,
  tier         text NOT NULL,
  content_id   bytea NOT NULL CHECK (octet_length(content_id) = 32),
  name         bytea NOT NULL CHECK (octet_length(name) = 32),
  key          bytea NOT NULL CHECK (octet_length(key) = 32),
  PRIMARY KEY (vault_id, tier, content_id)
);
