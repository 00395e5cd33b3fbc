ALTER TABLE devx.api_keys DROP CONSTRAINT api_keys_key_hash_not_in_clear_check;
ALTER TABLE devx.api_keys DROP CONSTRAINT api_keys_key_prefix_not_in_clear_check;
ALTER TABLE devx.api_keys DROP CONSTRAINT api_keys_scopes_not_in_clear_check;
ALTER TABLE devx.api_keys DROP CONSTRAINT api_keys_name_not_in_clear_check;
DROP FUNCTION devx.contains_key(text[], text, bytea);
