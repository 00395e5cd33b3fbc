-- Sets a TTL of 24 hours on every session that has none. Sessions are not removed at once, so active users stay signed in.
--
-- Call without arguments: redis-cli EVALSHA $(redis-cli HGET scripts:sha cleanup) 0
-- Returns the number of sessions that got a TTL. A script blocks the store, so one call scans about 50,000 keys and saves the cursor; the
-- next call continues there.
local PREFIX, END, PLACE = 'session:', 24 * 60 * 60, 'scripts:cleanup:place'

local cursor = redis.call('GET', PLACE) or '0'
local ended = 0
for _ = 1, 50 do
  local page = redis.call('SCAN', cursor, 'MATCH', PREFIX .. '*', 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if redis.call('TTL', key) == -1 then
      redis.call('EXPIRE', key, END)
      ended = ended + 1
    end
  end
  if cursor == '0' then break end
end

if cursor == '0' then
  redis.call('DEL', PLACE)
else
  redis.call('SET', PLACE, cursor, 'EX', 2 * END)
end
return ended
