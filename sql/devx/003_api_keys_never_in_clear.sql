-- slipway: no-transaction
--
-- No column of api_keys accepts a key in clear. 002 only checks the name for the beginning of the key, and the length of the hash.

-- IMMUTABLE and without tables, as a CHECK requires. A CHECK cannot contain a sub-select itself.
CREATE OR REPLACE FUNCTION devx.contains_key(texts text[], key_prefix text, key_hash bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  -- Also the texts joined, in case a key is split over several.
  SELECT EXISTS (
    SELECT FROM unnest(texts || array_to_string(texts, '')) AS text, regexp_split_to_table(text, '\s+') AS word
     WHERE position(key_prefix IN text) > 0
        OR sha256(convert_to(text, 'UTF8')) = key_hash
        OR sha256(convert_to(word, 'UTF8')) = key_hash)
$$;
COMMENT ON FUNCTION devx.contains_key(text[], text, bytea) IS
  'Whether one of the texts contains the key of this hash, or anything that begins like it. Only for CHECK constraints.';

ALTER TABLE devx.api_keys ADD CONSTRAINT api_keys_name_not_in_clear_check
  CHECK (NOT devx.contains_key(ARRAY[name::text], key_prefix, key_hash)) NOT VALID;
ALTER TABLE devx.api_keys ADD CONSTRAINT api_keys_scopes_not_in_clear_check
  CHECK (NOT devx.contains_key(scopes, key_prefix, key_hash)) NOT VALID;
-- The prefix is a part of the key. It must not be all of it.
ALTER TABLE devx.api_keys ADD CONSTRAINT api_keys_key_prefix_not_in_clear_check
  CHECK (sha256(convert_to(key_prefix, 'UTF8')) <> key_hash) NOT VALID;
-- 32 printable characters are a key, or half of a hash in hexadecimal digits. Of 10^13 SHA-256 hashes, one consists of such bytes by chance.
ALTER TABLE devx.api_keys ADD CONSTRAINT api_keys_key_hash_not_in_clear_check
  CHECK (encode(key_hash, 'hex') !~ '^([2-6][0-9a-f]|7[0-9a-e])+$') NOT VALID;

ALTER TABLE devx.api_keys VALIDATE CONSTRAINT api_keys_name_not_in_clear_check;
ALTER TABLE devx.api_keys VALIDATE CONSTRAINT api_keys_scopes_not_in_clear_check;
ALTER TABLE devx.api_keys VALIDATE CONSTRAINT api_keys_key_prefix_not_in_clear_check;
ALTER TABLE devx.api_keys VALIDATE CONSTRAINT api_keys_key_hash_not_in_clear_check;
