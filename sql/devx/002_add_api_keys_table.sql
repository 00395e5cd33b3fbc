-- Keys for the API. The key itself is shown once, when it is made, and never stored: only its SHA-256, and enough of its beginning to tell
-- two keys apart. A key is long and random, so a slow hash would add nothing but time to every request.
CREATE TABLE devx.api_keys (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id      uuid NOT NULL REFERENCES devx.users (id) ON DELETE CASCADE,
  name         varchar(255) NOT NULL,
  key_hash     bytea NOT NULL CONSTRAINT api_keys_key_hash_key UNIQUE CONSTRAINT api_keys_key_hash_check CHECK (length(key_hash) = 32),
  key_prefix   varchar(12) NOT NULL CONSTRAINT api_keys_key_prefix_check CHECK (length(key_prefix) >= 4),
  scopes       text[] NOT NULL DEFAULT '{}',
  last_used_at timestamptz,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at   timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  -- Whoever pastes the key where its name belongs is told so: a key contains its own beginning.
  CONSTRAINT api_keys_name_is_no_key_check CHECK (position(key_prefix IN name) = 0)
);
CREATE INDEX api_keys_user_id_idx ON devx.api_keys (user_id);
COMMENT ON TABLE devx.api_keys IS 'Keys for the API, as hashes. No column is for the key itself.';
COMMENT ON COLUMN devx.api_keys.key_hash IS 'SHA-256 of the whole key: 32 bytes, and nothing else fits.';
COMMENT ON COLUMN devx.api_keys.key_prefix IS 'How a key begins, so that people recognise theirs.';

CREATE TRIGGER api_keys_set_updated_at BEFORE UPDATE ON devx.api_keys FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
