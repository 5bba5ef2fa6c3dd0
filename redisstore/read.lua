-- Reads checkpoints, each in one atomic step, so that the expiry it is given is
-- that of its position.
--
-- KEYS  the checkpoints
--
-- Returns a table for each key, which ends with PTTL's answer:
--   {commit, prepare, updatedAt, epoch, logId, ttl}
--   {text, ttl} of the older layout, a string
--   {ttl} of a key of another type

local found = {}
for i, key in ipairs(KEYS) do
  local fields = attempt('HMGET', key, 'commit', 'prepare', 'updatedAt', 'epoch', 'logId')
  if fields.err then
    local text = attempt('GET', key)
    fields = type(text) == 'string' and {text} or {}
  end
  fields[#fields + 1] = redis.call('PTTL', key)
  found[i] = fields
end
return found
