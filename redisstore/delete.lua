-- Removes checkpoints, each in one atomic step. Their fences stay.
--
-- KEYS  a checkpoint, its fence and its audit entries, for each key
-- ARGV  if somebody has said so: the operation that the deletions belong to, or '';
--       who makes them, and why
--
-- Returns how many checkpoints there were.

mayNote()
local op, actor, reason = unpack(ARGV)
if not op or op == '' then op = 'delete' end
local n = 0
for i = 1, #KEYS, 3 do
  local old = positionAt(KEYS[i])
  local fence = number(attempt('HGET', KEYS[i + 1], 'epoch'))
  if redis.call('UNLINK', KEYS[i]) == 1 then
    n = n + 1
    note(KEYS[i + 2], op, actor, reason, old, '', fence, fence)
  end
end
return n
