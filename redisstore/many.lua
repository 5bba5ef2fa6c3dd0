-- Decides the usual writes of many keys in one call, since the call itself takes
-- the server as long as one write.
--
-- KEYS     each checkpoint, and behind it its fence if the writes have an epoch
-- ARGV     before of all writes, or ''; then of each write its commit, prepare,
--          updatedAt, and its epoch if the writes have one
--
-- Returns for each write what usual says, or 0 if script.lua must decide: this
-- call has then changed nothing.

local before, out = ARGV[1], {}
if before == '' then before = nil end
if #ARGV == 3 * #KEYS + 1 then
  for i = 1, #KEYS do
    out[i] = usual(KEYS[i], nil, ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1], before) or 0
  end
else
  for i = 1, #KEYS / 2 do
    out[i] = usual(KEYS[2 * i - 1], KEYS[2 * i], ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i], before, ARGV[4 * i + 1]) or 0
  end
end
return out
