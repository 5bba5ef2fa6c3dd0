-- Reads checkpoints, each in one atomic step, so that each expiry belongs to its
-- position.
--
-- KEYS  the checkpoints
--
-- Returns for each key what checkpointAt says.

local found = {}
for i, key in ipairs(KEYS) do found[i] = checkpointAt(key) end
return found
