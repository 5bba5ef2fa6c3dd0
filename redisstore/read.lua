-- Reads checkpoints, each in one atomic step, so that the expiry it is given is
-- that of its position.
--
-- KEYS  the checkpoints
--
-- Returns for each key what checkpointAt says.

local found = {}
for i, key in ipairs(KEYS) do found[i] = checkpointAt(key) end
return found
