-- Decides the usual writes of many keys in one call, since the call itself takes
-- the server as long as one write.
--
-- KEYS     each checkpoint, and behind it its fence if the writes have an epoch
-- ARGV     before of all writes, or ''; then of each write its commit, prepare,
--          updatedAt, and its epoch if the writes have one
--
-- Returns for each write what usual says, or 0 if script.lua must decide.

local keys, args, out = KEYS, ARGV, {}
local before = args[1]
if before == '' then before = nil end
if #args == 3 * #keys + 1 then
  for i = 1, #keys do
    local at = 3 * i
    out[i] = usual(keys[i], nil, args[at - 1], args[at], args[at + 1], before) or 0
  end
else
  for i = 1, #keys / 2 do
    local at = 4 * i
    out[i] = usual(keys[2 * i - 1], keys[2 * i], args[at - 2], args[at - 1], args[at], before, args[at + 1]) or 0
  end
end
return out
