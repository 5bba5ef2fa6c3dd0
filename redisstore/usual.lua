-- The definitions of the other parts cost time in every call. So this part,
-- which comes first, decides the usual write: it has no expiry, its position is
-- equal or newer, the stored checkpoint is sound, and either write epoch ==
-- stored epoch == fence, or the write and the stored checkpoint have no epoch.
-- Any other write has changed nothing yet, and goes on with script.lua, which
-- has the same arguments.
local epoch = ARGV[5]
if not ARGV[4] or (ARGV[4] == '0' and not ARGV[6]
  and redis.pcall('HGET', KEYS[2], 'epoch') == epoch) then
  local key, commit, prepare, updatedAt = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
  local stored = redis.pcall('HMGET', key, 'commit', 'prepare', 'epoch')
  local oldCommit, oldPrepare = stored[1], stored[2]
  if oldCommit and oldPrepare and (stored[3] or nil) == epoch then
    local code
    if oldCommit == commit and oldPrepare == prepare then
      redis.call('HSET', key, 'updatedAt', updatedAt)
      code = 2
    elseif string.find(oldCommit, '^[1-9]%d*$') and #oldCommit < 20
      and (oldPrepare == oldCommit or string.find(oldPrepare, '^[1-9]%d*$') and #oldPrepare < 20) then
      local old, new = oldCommit, commit
      if old == new then old, new = oldPrepare, prepare end
      if #old < #new or #old == #new and old < new then
        redis.call('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt)
        code = 1
      end
    end
    if code then
      redis.call('PERSIST', key)
      return code
    end
  end
end
