-- The definitions of the other parts cost time in every call. So this part,
-- which comes first, decides the usual write: it has no expiry, its position is
-- equal or newer, the stored checkpoint is sound and needs no sample, and either
-- write epoch == stored epoch == fence, or the write and the stored checkpoint
-- have no epoch.
-- Any other write has changed nothing yet, and goes on with script.lua, which
-- has the same arguments.
local args, keys, call, pcall = ARGV, KEYS, redis.call, redis.pcall
local before, epoch = args[4], args[5]
if not args[6] and (not epoch or pcall('HGET', keys[2], 'epoch') == epoch) then
  local key, commit, prepare = keys[1], args[1], args[2]
  local stored = before and pcall('HMGET', key, 'commit', 'prepare', 'epoch', 'updatedAt')
    or pcall('HMGET', key, 'commit', 'prepare', 'epoch')
  local oldCommit, oldPrepare, oldTime = stored[1], stored[2], stored[4]
  if oldCommit and oldPrepare and (stored[3] or nil) == epoch and not (oldTime and oldTime < before) then
    local code
    if oldCommit == commit and oldPrepare == prepare then
      call('HSET', key, 'updatedAt', args[3])
      code = 2
    elseif string.find(oldCommit, '^[1-9]%d*$') and #oldCommit < 20
      and (oldPrepare == oldCommit or string.find(oldPrepare, '^[1-9]%d*$') and #oldPrepare < 20) then
      local old, new = oldCommit, commit
      if old == new then old, new = oldPrepare, prepare end
      if #old < #new or #old == #new and old < new then
        call('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', args[3])
        code = 1
      end
    end
    if code then
      call('PERSIST', key)
      return code
    end
  end
end
