-- checkpointAt returns what is stored at a key. PTTL's answer comes last:
--   {commit, prepare, updatedAt, epoch, logId, ttl}
--   {text, ttl} of the older layout, a string
--   {ttl} of a key of another type
local function checkpointAt(key)
  local fields = attempt('HMGET', key, 'commit', 'prepare', 'updatedAt', 'epoch', 'logId')
  local commit, prepare, updatedAt, epoch = fields[1], fields[2], fields[3], fields[4]
  if commit and #commit > 64 or prepare and #prepare > 64 or updatedAt and #updatedAt > 64 or epoch and #epoch > 64 then
    for i = 1, 4 do fields[i] = short(fields[i]) end
  end
  if fields.err then
    local text = textAt(key)
    fields = type(text) == 'string' and {text} or {}
  end
  fields[#fields + 1] = redis.call('PTTL', key)
  return fields
end
