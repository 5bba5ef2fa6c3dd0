-- Reads checkpoints, each in one atomic step, so that the expiry it is given is
-- that of its position.
--
-- KEYS  the checkpoints
--
-- Returns a table for each key, which ends with PTTL's answer:
--   {commit, prepare, updatedAt, epoch, logId, ttl}
--   {text, ttl} of the older layout, a string
--   {ttl} of a key of another type

-- older reads a key that is no hash. A missing permission is an error of the
-- whole call.
local function older(key, err)
  if not string.find(err, 'WRONGTYPE', 1, true) then redis.call('HMGET', key, 'commit') end
  local text = redis.pcall('GET', key)
  if type(text) == 'string' then return {text} end
  if not string.find(text.err, 'WRONGTYPE', 1, true) then redis.call('GET', key) end
  return {}
end

local found = {}
for i, key in ipairs(KEYS) do
  local fields = redis.pcall('HMGET', key, 'commit', 'prepare', 'updatedAt', 'epoch', 'logId')
  if fields.err then fields = older(key, fields.err) end
  fields[#fields + 1] = redis.call('PTTL', key)
  found[i] = fields
end
return found
