-- Gives an end to every session that was left without one: 24 hours from now, so nobody who is at work is signed out.
--
-- Called without arguments: redis-cli EVALSHA $(redis-cli HGET scripts:sha cleanup) 0
-- Returns how many sessions were given an end. One call looks at 50,000 keys or so and remembers where it was, because the store answers
-- nobody else meanwhile; the next call goes on from there.
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
