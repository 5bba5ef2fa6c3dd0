-- checkpointAt returns what is stored at a key, with PTTL's answer as its end:
--   {commit, prepare, updatedAt, epoch, logId, ttl}
--   {text, ttl} of the older layout, a string
--   {ttl} of a key of another type
local function checkpointAt(key)
  local fields = attempt('HMGET', key, 'commit', 'prepare', 'updatedAt', 'epoch', 'logId')
  if fields.err then
    local text = attempt('GET', key)
    fields = type(text) == 'string' and {text} or {}
  end
  fields[#fields + 1] = redis.call('PTTL', key)
  return fields
end
