-- Brings one checkpoint into today's layout in one atomic step. It keeps the
-- position that stands, its epoch, its log's identity and its expiry.
--
-- KEYS[1]  the checkpoint
-- ARGV     updatedAt of a checkpoint that has none
--
-- Returns {1, commit, prepare} converted, 2 nothing to convert, 6 not found,
-- {5, what, [value]} damaged

local key, updatedAt = KEYS[1], ARGV[1]
local stored = attempt('HMGET', key, 'commit', 'prepare', 'updatedAt')
local commit, prepare = stored[1], stored[2]

if stored.err then
  local text = textAt(key)
  if type(text) ~= 'string' then return {5, 'type', redis.call('TYPE', key).ok} end
  commit, prepare = string.match(text, '^([^@]*)@([^@]*)$')
  if not commit or not canonical(commit) or not canonical(prepare) then return {5, 'string', text} end
  local ttl = redis.call('PTTL', key)
  attempt('HSET', key, 'commit', commit) -- whoever may not HSET must not UNLINK first
  redis.call('UNLINK', key)
  redis.call('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt)
  if ttl >= 0 then redis.call('PEXPIRE', key, math.max(ttl, 1)) end
  return {1, commit, prepare}
end

if stored[3] then return 2 end
if redis.call('EXISTS', key) == 0 then
  redis.call('PERSIST', key) -- no change, but only a master does it, or may say that nothing is there
  return 6
end
if not commit then return {5, 'commit'} end
if not prepare then return {5, 'prepare'} end
if not canonical(commit) then return {5, 'commit', short(commit)} end
if not canonical(prepare) then return {5, 'prepare', short(prepare)} end
redis.call('HSET', key, 'updatedAt', updatedAt)
return {1, commit, prepare}
