-- The scripts that leave audit entries have this part, after change.lua. They have KEYS[3],
-- the list of a key's entries, if they may leave one. A list and not a stream: of 4096 bytes,
-- which each stream takes at least, a key with few entries needs the tenth part.
local number, told, positionAt, mayNote, note
if KEYS[3] then
  -- number returns a stored number, or '0' if there is none, or if it is damaged.
  function number(s) return type(s) == 'string' and canonical(s) and s or '0' end

  -- told is a position in an entry: '' if there is no checkpoint, or a damaged one.
  function told(commit, prepare, epoch)
    local sound = commit and prepare and canonical(commit) and canonical(prepare) and not (epoch and not canonical(epoch))
    return sound and commit .. '@' .. prepare or ''
  end

  function positionAt(key)
    local stored = attempt('HMGET', key, 'commit', 'prepare', 'epoch')
    if not stored.err then return told(stored[1], stored[2], stored[3]) end
    local text = textAt(key)
    return type(text) == 'string' and told(string.match(text, '^([^@]*)@([^@]*)$')) or ''
  end

  -- mayNote raises an error if the user may not add entries. It comes before the change.
  -- Redis 6 cannot tell.
  function mayNote()
    local may = redis.acl_check_cmd or function() return true end
    if not may('LPUSH', KEYS[3], '') then redis.call('LPUSH', KEYS[3], '') end
    if not may('LTRIM', KEYS[3], 0, 255) then redis.call('LTRIM', KEYS[3], 0, 255) end
  end

  -- note adds the entry of a change. It comes after the change: a server that is full refuses
  -- the first command that needs memory, and none after a change. A value of another type at
  -- the key makes room.
  local at
  function note(key, op, actor, reason, old, new, oldEpoch, newEpoch)
    at = at or math.floor(milliseconds())
    local entry = string.format('{"at":%.0f,"op":%s,"actor":%s,"reason":%s,"old":"%s","new":"%s","oldEpoch":"%s","newEpoch":"%s"}',
      at, cjson.encode(op), cjson.encode(actor or ''), cjson.encode(reason or ''), old, new, oldEpoch, newEpoch)
    local n = attempt('LPUSH', key, entry)
    if type(n) == 'table' then
      redis.call('UNLINK', key)
      n = redis.call('LPUSH', key, entry)
    end
    if n > 256 then redis.call('LTRIM', key, 0, 255) end
    redis.call('PEXPIRE', key, '34560000000')
  end
end
