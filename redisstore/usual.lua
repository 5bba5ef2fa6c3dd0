-- What both common.lua and script.lua define costs time in every call. So the
-- usual write is decided here, before them: no expiry and no epoch, over a sound
-- checkpoint that has none, with a position that is equal or newer. Whatever
-- else there is has changed nothing yet, and goes on with script.lua, whose
-- arguments these are.
if not KEYS[2] and not ARGV[4] then
  local key, commit, prepare, updatedAt = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
  local stored = redis.pcall('HMGET', key, 'commit', 'prepare', 'epoch')
  local oldCommit, oldPrepare = stored[1], stored[2]
  if oldCommit and oldPrepare and not stored[3] then
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
