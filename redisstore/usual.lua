-- usual decides the usual write: it has no expiry, its position is equal or
-- newer, or nothing is stored; what is stored is sound and needs no sample; and
-- either epoch of the write == stored epoch == fence, or neither has an epoch.
-- It returns 1 advanced, 2 unchanged. It returns nothing if script.lua, which has
-- the definitions of the whole rule, must decide. Each of them costs every call
-- time, so they stand behind this part.
--
-- before and epoch are nil if the write has none.
local pcall, find, type = redis.pcall, string.find, type
local function usual(key, fenceKey, commit, prepare, updatedAt, before, epoch)
  if epoch and pcall('HGET', fenceKey, 'epoch') ~= epoch then return end
  local stored = before and pcall('HMGET', key, 'commit', 'prepare', 'epoch', 'updatedAt')
    or pcall('HMGET', key, 'commit', 'prepare', 'epoch')
  local oldCommit, oldPrepare, oldEpoch, oldTime = stored[1], stored[2], stored[3], stored[4]
  local code, reply
  if oldCommit and oldPrepare then
    if (oldEpoch or nil) ~= epoch or oldTime and oldTime < before then return end
    if oldCommit == commit and oldPrepare == prepare then
      code, reply = 2, pcall('HSET', key, 'updatedAt', updatedAt)
    elseif find(oldCommit, '^[1-9]%d*$') and #oldCommit < 20
      and (oldPrepare == oldCommit or oldPrepare == '0' or find(oldPrepare, '^[1-9]%d*$') and #oldPrepare < 20) then
      local old, new = oldCommit, commit
      if old == new then old, new = oldPrepare, prepare end
      if #old > #new or #old == #new and old > new then return end
      code, reply = 1, pcall('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt)
    end
    -- If the server refuses HSET, or PERSIST after it, script.lua does the same again
    -- and reports the error.
    if code and type(reply) == 'number' and type(pcall('PERSIST', key)) == 'number' then return code end
  elseif oldCommit == false and oldPrepare == false and oldEpoch == false and pcall('EXISTS', key) == 0 then
    reply = epoch and pcall('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt, 'epoch', epoch)
      or pcall('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt)
    if type(reply) == 'number' then return 1 end
  end
end
