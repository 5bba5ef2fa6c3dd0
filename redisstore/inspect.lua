-- Reads everything that is stored for some keys, each key in one atomic step.
--
-- KEYS  a checkpoint and its fence, for each key
--
-- Returns for each key the two answers of checkpointAt, and a table of the
-- fence's fields epoch, raised, owner, leaseEpoch, until and granted, or of the
-- error of a fence of another type, or none if there is no fence.

local found = {}
for i = 1, #KEYS, 2 do
  found[#found + 1], found[#found + 2] = checkpointAt(KEYS[i])
  local fence = attempt('HMGET', KEYS[i + 1], 'epoch', 'raised', 'owner', 'leaseEpoch', 'until', 'granted')
  if fence.err then
    fence = {fence.err}
  elseif not fence[1] and redis.call('EXISTS', KEYS[i + 1]) == 0 then
    fence = {}
  end
  found[#found + 1] = fence
end
return found
