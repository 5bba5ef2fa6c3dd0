-- What the other parts define costs time in every call. So the
-- usual write is decided here, before them: no expiry, and an epoch, or none,
-- that is the one of the fence and of what is stored, over a sound checkpoint
-- with a position that is equal or newer. Whatever else there is has changed
-- nothing yet, and goes on with script.lua, whose arguments these are.
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
