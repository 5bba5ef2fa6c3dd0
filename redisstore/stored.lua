-- checkpointAt returns what is stored at a key, and PTTL's answer. What is stored is
--   {commit, prepare, updatedAt, epoch, logId}
--   {text} of the older layout, a string
--   {} of a key of another type
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
  return fields, redis.call('PTTL', key)
end
