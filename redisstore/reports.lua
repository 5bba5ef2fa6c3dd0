-- Reads the reports of some keys.
--
-- KEYS  the reports, for each key
--
-- Returns the time in milliseconds since 1970, and for each key a table of the instances
-- and their fields, or of an error.

local time = redis.call('TIME')
local found = {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))}
for i, key in ipairs(KEYS) do
  local reports = attempt('HGETALL', key)
  found[i + 1] = reports.err and {reports.err} or reports
end
return found
