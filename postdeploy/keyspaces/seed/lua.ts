/** Scripts that compare and write atomically. Sent as source with EVAL, so that a flushed script cache does not matter. */

/**
 * Writes keys and their ledger rows, each key only if it is still absent (empty dump digest) or its DUMP still has the given digest.
 *
 * KEYS: ledger, keys. ARGV for each key: dump digest, ledger row, TTL in ms (0 none, -1 unchanged), type, number of parts, parts.
 * Returns the indexes of keys that have changed.
 */
export const WRITE_KEYS = `
local rows, changed, at = {}, {}, 1
local function slices(command, key, from, to)
  for first = from, to, 1000 do redis.call(command, key, unpack(ARGV, first, math.min(first + 999, to))) end
end
for index = 2, #KEYS do
  local key, expected, row, ttl, kind = KEYS[index], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local from = at + 5
  local to = from + tonumber(ARGV[at + 4]) - 1
  at = to + 1
  local same
  if expected == '' then
    same = redis.call('EXISTS', key) == 0
  else
    local dump = redis.call('DUMP', key)
    same = dump and redis.sha1hex(dump) == expected
  end
  if not same then
    changed[#changed + 1] = index - 2
  else
    if expected ~= '' then
      local left = redis.call('PTTL', key)
      if left > 0 and (ttl == -1 or ttl > left) then ttl = left end
      redis.call('UNLINK', key)
    end
    if kind == 'string' then
      if ttl > 0 then redis.call('SET', key, ARGV[from], 'PX', ttl) else redis.call('SET', key, ARGV[from]) end
    else
      if kind == 'hash' then slices('HSET', key, from, to)
      elseif kind == 'list' then slices('RPUSH', key, from, to)
      elseif kind == 'set' then slices('SADD', key, from, to)
      elseif kind == 'zset' then slices('ZADD', key, from, to)
      elseif kind == 'stream' then
        local entries = tonumber(ARGV[from])
        local part = from + 1
        for _ = 1, entries do
          local last = part + 1 + tonumber(ARGV[part + 1])
          redis.call('XADD', key, ARGV[part], unpack(ARGV, part + 2, last))
          part = last + 1
        end
        for group = part, to, 2 do redis.call('XGROUP', 'CREATE', key, ARGV[group], ARGV[group + 1], 'MKSTREAM') end
      end
      if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
    end
    rows[#rows + 1] = key
    rows[#rows + 1] = row
  end
end
for first = 1, #rows, 1000 do redis.call('HSET', KEYS[1], unpack(rows, first, math.min(first + 999, #rows))) end
return changed
`;

/**
 * Writes absent strings and their ledger rows, with two commands unless another client has written one of the keys.
 * KEYS: ledger, keys. ARGV for each key: ledger row, value. Returns the indexes of keys that exist.
 */
export const WRITE_STRINGS = `
local texts, rows, changed = {}, {}, {}
for index = 2, #KEYS do
  local at = 2 * index - 3
  texts[at], texts[at + 1] = KEYS[index], ARGV[at + 1]
  rows[at], rows[at + 1] = KEYS[index], ARGV[at]
end
if redis.call('MSETNX', unpack(texts)) == 0 then
  rows = {}
  for index = 2, #KEYS do
    local at = 2 * index - 3
    if redis.call('SET', KEYS[index], ARGV[at + 1], 'NX') then
      rows[#rows + 1] = KEYS[index]
      rows[#rows + 1] = ARGV[at]
    else
      changed[#changed + 1] = index - 2
    end
  end
end
if #rows > 0 then redis.call('HSET', KEYS[1], unpack(rows)) end
return changed
`;

/** Removes keys and their ledger rows, each key only if its DUMP still has the digest in ARGV; an empty digest keeps the key. */
export const REMOVE_KEYS = `
local removed = 0
for index = 2, #KEYS do
  local expected = ARGV[index - 1]
  if expected ~= '' then
    local dump = redis.call('DUMP', KEYS[index])
    if dump and redis.sha1hex(dump) == expected then removed = removed + redis.call('UNLINK', KEYS[index]) end
  end
  redis.call('HDEL', KEYS[1], KEYS[index])
end
return removed
`;

/** Returns the ledger row and the digest of the DUMP of each key. Writes nothing. */
export const READ_KEY_STATES = `
local states = {}
for index = 2, #KEYS do
  local dump = redis.call('DUMP', KEYS[index])
  states[#states + 1] = redis.call('HGET', KEYS[1], KEYS[index]) or ''
  states[#states + 1] = dump and redis.sha1hex(dump) or ''
end
return states
`;
