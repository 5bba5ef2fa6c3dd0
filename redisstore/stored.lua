-- checkpointAt returns what is stored at a key, with PTTL's answer as its end:
--   {commit, prepare, updatedAt, epoch, logId, ttl}
--   {text, ttl} of the older layout, a string
--   {ttl} of a key of another type
local function checkpointAt(key)
  local fields = attempt('HMGET', key, 'commit', 'prepare', 'updatedAt', 'epoch', 'logId')
  for i = 1, 4 do fields[i] = short(fields[i]) end
  if fields.err then
    local text = textAt(key)
    fields = type(text) == 'string' and {text} or {}
  end
  fields[#fields + 1] = redis.call('PTTL', key)
  return fields
end
