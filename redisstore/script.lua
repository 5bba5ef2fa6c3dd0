-- Writes one checkpoint in one atomic step. Every check comes before the first
-- write, and the fence is written before the checkpoint. So a permission that
-- is missing half-way leaves no checkpoint whose epoch is above its fence.
--
-- KEYS[1]  the checkpoint
-- KEYS[2]  its fence; given only with an epoch, a rewind or KEYS[3]
-- KEYS[3]  its audit entries; given only if the write leaves one. ARGV[7] is then
--          given, too
-- KEYS     then, if the script has asked for them: its samples, and those of hours
-- ARGV     commit, prepare, updatedAt; then, as far as needed: the time before
--          which a position must have been written to become a sample, or '',
--          epoch or '0', TTL in milliseconds or '0', mode (n: if newer, s: set,
--          r: rewind, t: touch), the log's identity, or '' if what is stored
--          stays, and of the audit entry the operation or '', the actor and the
--          reason. Each argument costs time. Most writes need no more than three.
--
-- Returns a code, or a table of a code and its detail:
--   1 advanced {with the epoch, of a rewind}, 2 unchanged, 3 stale,
--   {4, fence} fenced, {5, what, value} damaged, 6 not found,
--   7 the fence cannot be raised,
--   {8, value, [epoch above it, of what]} damaged fence,
--   9 nothing is changed: call again with the keys of the samples

local key, fenceKey = KEYS[1], KEYS[2]
local commit, prepare, updatedAt, before, epoch, ttl, mode, logId, op, actor, reason = unpack(ARGV)
epoch, mode = epoch or '0', mode or 'n'

local fenced = epoch ~= '0' or mode == 'r'
local auditKey = (mode == 's' or mode == 'r' or op) and KEYS[3]
local fence
if fenced then
  fence = attempt('HGET', fenceKey, 'epoch')
  if fence ~= epoch then
    local wrong
    fence, wrong = fenceOf(fenceKey, fence)
    if not fence then return {8, wrong} end
    if epoch ~= '0' and less(epoch, fence) then return {4, fence} end
  end
elseif auditKey then
  fence = number(attempt('HGET', fenceKey, 'epoch')) -- only the entry tells it
end

if before == '' then before = nil end
local stored = before and attempt('HMGET', key, 'commit', 'prepare', 'epoch', 'updatedAt')
  or attempt('HMGET', key, 'commit', 'prepare', 'epoch')
local oldCommit, oldPrepare, oldEpoch, oldTime = stored[1], stored[2], stored[3], stored[4]
local replace = false

if stored.err then
  -- It is not a hash. The older layout is a string, and the key may have any
  -- other type.
  local text = textAt(key)
  if type(text) == 'string' then
    oldCommit, oldPrepare = string.match(text, '^([^@]*)@([^@]*)$')
  end
  replace = true
  if mode == 'n' or mode == 't' then
    if type(text) ~= 'string' then return {5, 'type', redis.call('TYPE', key).ok} end
    if not oldCommit or not canonical(oldCommit) or not canonical(oldPrepare) then
      return {5, 'string', text}
    end
  end
end

-- Every write leaves stored epoch <= fence.
if fenced and oldEpoch and canonical(oldEpoch) and less(fence, oldEpoch) then
  return {8, fence, oldEpoch, 'checkpoint'}
end
if mode == 'r' then
  if less(epoch, fence) then epoch = fence end
  if epoch == MAX then return 7 end
  epoch = increment(epoch)
end

local exists = oldCommit or oldPrepare
if mode == 'n' or mode == 't' then
  if not exists then exists = redis.call('EXISTS', key) == 1 end
  if exists then
    if not oldCommit then return {5, 'commit'} end
    if not oldPrepare then return {5, 'prepare'} end
    -- A value that equals an argument is canonical.
    if oldCommit ~= commit and not canonical(oldCommit) then return {5, 'commit', short(oldCommit)} end
    if oldPrepare ~= prepare and oldPrepare ~= oldCommit and not canonical(oldPrepare) then
      return {5, 'prepare', short(oldPrepare)}
    end
    if oldEpoch and oldEpoch ~= epoch and not canonical(oldEpoch) then return {5, 'epoch', short(oldEpoch)} end
  end
end

if mode == 't' and not exists then
  redis.call('PERSIST', key) -- no change, but only a master does it, or may say that nothing is there
  return 6
end

local code = mode == 't' and 2 or 1
if mode == 'n' and exists then
  if commit == oldCommit then
    if prepare == oldPrepare then code = 2 elseif less(prepare, oldPrepare) then code = 3 end
  elseif less(commit, oldCommit) then
    code = 3
  end
end

local sampled = oldTime and oldTime < before and code ~= 3 and mode ~= 't'
  and string.find(oldTime, '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$')
local samples = auditKey and 4 or fenced and 3 or 2 -- the place of their key
if sampled and not KEYS[samples] then return 9 end
local old = KEYS[3] and told(oldCommit, oldPrepare, oldEpoch)
if auditKey and code ~= 3 then mayNote() end
local raised = fenced and less(fence, epoch)
if raised then raise(fenceKey, epoch) end
if code == 3 then return 3 end

if mode ~= 't' then
  if replace then
    attempt('HSET', key, 'commit', commit) -- whoever may not HSET must not UNLINK first
    redis.call('UNLINK', key)
  end
  if code == 2 and not replace then
    redis.call('HSET', key, 'updatedAt', updatedAt)
  else
    redis.call('HSET', key, 'commit', commit, 'prepare', prepare, 'updatedAt', updatedAt)
  end
  if epoch ~= '0' then
    if epoch ~= oldEpoch then redis.call('HSET', key, 'epoch', epoch) end
  elseif oldEpoch then
    redis.call('HDEL', key, 'epoch')
  end
  if logId and logId ~= '' then redis.call('HSET', key, 'logId', logId) end
end
if ttl and ttl ~= '0' then
  redis.call('PEXPIRE', key, ttl)
elseif exists or mode ~= 'n' then
  redis.call('PERSIST', key)
end

if sampled and old ~= '' then
  -- A sample holds up no write: whatever hinders it, the write is made.
  local function keep(place, most, text)
    local reply = redis.pcall('LPUSH', place, text)
    if type(reply) == 'table' and string.find(reply.err, 'WRONGTYPE', 1, true) then
      redis.pcall('UNLINK', place)
      redis.pcall('LPUSH', place, text)
    end
    redis.pcall('LTRIM', place, 0, most - 1)
    redis.pcall('PEXPIRE', place, '2592000000')
  end
  local hourly = string.sub(oldTime, 1, 13) < string.sub(before, 1, 13)
  local text = string.gsub(oldTime, '%D', '') .. (hourly and 'h' or ' ') .. (oldCommit == oldPrepare and oldCommit or old)
  keep(KEYS[samples], 288, text)
  if hourly then keep(KEYS[samples + 1], 720, text) end
end

if auditKey then
  if not op or op == '' then op = ({n = 'advance', s = 'set', r = 'rewind', t = 'touch'})[mode] end
  note(auditKey, op, actor, reason, old, mode == 't' and old or commit .. '@' .. prepare, fence, raised and epoch or fence)
end
if mode == 'r' then return {1, epoch} end
return code
