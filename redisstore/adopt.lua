-- Stores lists in one atomic step, if none of them is there.
--
-- KEYS  the lists of one kind
-- ARGV  their TTL in milliseconds; then, for each list, how many items it has, and the
--       items, the first one last. LPUSH turns them round: no script needs RPUSH.
--
-- Returns 0, or the place in KEYS of a key that is no list. Then nothing is changed.

local ttl, there = ARGV[1], false
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    -- It changes nothing. But only a master does it, and only to a list.
    if attempt('LTRIM', key, 0, -1).err then return i end
    there = true
  end
end
if there then return 0 end

-- Whoever may not set the TTL must not add the list first. Redis 6 cannot tell.
if redis.acl_check_cmd and not redis.acl_check_cmd('PEXPIRE', KEYS[1], ttl) then redis.call('PEXPIRE', KEYS[1], ttl) end
local at = 2
for _, key in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  if last > at then
    redis.call('LPUSH', key, unpack(ARGV, at + 1, last))
    redis.call('PEXPIRE', key, ttl)
  end
  at = last + 1
end
return 0
