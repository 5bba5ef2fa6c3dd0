-- Reads checkpoints, each in one atomic step, so that each expiry belongs to its
-- position.
--
-- KEYS  the checkpoints
--
-- Returns for each key the two answers of checkpointAt.

local found = {}
for i, key in ipairs(KEYS) do found[2 * i - 1], found[2 * i] = checkpointAt(key) end
return found
