-- Raises or removes the fence of one key in one atomic step, for an operator.
--
-- KEYS[1]  the fence
-- KEYS[2]  the checkpoint
-- KEYS[3]  the audit entries
-- KEYS     then, to remove the fence: the samples, and those of hours
-- ARGV     mode (f: raise, x: remove if it protects nothing), then the epoch
--          that the fence is raised to at least, or for how many milliseconds
--          nobody must have raised it; and of the audit entry the operation or
--          '', the actor and the reason
--
-- Returns a table of a code and its detail:
--   {1, fence} raised, {2} removed, {3} left as it was, {7} the fence cannot be
--   raised, {8, value} damaged fence

local key, checkpoint, auditKey = KEYS[1], KEYS[2], KEYS[3]
local mode, argument, op, actor, reason = unpack(ARGV)

local stored = attempt('HMGET', key, 'epoch', 'owner', 'leaseEpoch', 'until', 'raised')
local fence, wrong
if stored.err then wrong = stored.err else fence, wrong = fenceOf(key, stored[1]) end
local leased = stored[2] or stored[3] or stored[4]

if mode == 'x' then
  if not fence or fence == '0' or redis.call('EXISTS', checkpoint) == 1 then return {3} end
  local before = milliseconds() - argument
  local of, at = string.match(stored[5] or '', '^(%d+)@(%d+)$')
  if of ~= fence or #at > 15 or tonumber(at) > before then return {3} end
  if leased then
    local ends = number(stored[4])
    local sound = stored[2] and stored[2] ~= '' and number(stored[3]) ~= '0' and ends == stored[4] and #ends <= 15
    if not sound or less(fence, stored[3]) or tonumber(ends) > before then return {3} end
  end
  redis.call('UNLINK', key, unpack(KEYS, 3))
  return {2}
end

if not fence and argument == '0' then return {8, wrong} end
local highest = fence or '0'
for _, epoch in ipairs({number(stored[3]), number(attempt('HGET', checkpoint, 'epoch'))}) do
  if less(highest, epoch) then highest = epoch end
end
if highest == '0' and argument == '0' and not leased then
  redis.call('PERSIST', key) -- no change, but only a master does it, or may say that nothing is there
  return {3}
end
if highest == MAX or argument == MAX then return {7} end
local raised = increment(highest)
if less(raised, argument) then raised = argument end
mayNote()
-- Whoever may not HSET must not take a damaged fence away first.
if not stored[1] then attempt('HSET', key, 'epoch', raised) end
if stored.err then
  redis.call('UNLINK', key)
else
  redis.call('HDEL', key, 'owner', 'leaseEpoch', 'until', 'granted')
end
raise(key, raised)
if not op or op == '' then op = argument == '0' and 'revoke' or 'fence' end
local position = positionAt(checkpoint)
note(auditKey, op, actor, reason, position, position, fence or '0', raised)
return {1, raised}
