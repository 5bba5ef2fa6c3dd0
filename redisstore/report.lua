-- Stores the report of one instance in one atomic step. Removes the reports that have ended.
-- Each is a field: the time at which it was stored, the time at which it ends or 0, both in
-- milliseconds since 1970, and the text.
--
-- KEYS[1]  the reports of a key
-- ARGV     the instance, its text, or '' to remove the report, and the TTL in milliseconds
--          or '0'
--
-- Returns the text of the notice, which is the report of the instance without a name, or ''.

local key, instance, text, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local stored = attempt('HGETALL', key)
if stored.err then
  redis.call('UNLINK', key)
  stored = {}
end

local notice, gone, last, forever = '', {}, 0, false
local function lasts(ends)
  if ends == 0 then forever = true else last = math.max(last, ends) end
end

for i = 1, #stored, 2 do
  local name = stored[i]
  local ends, said = string.match(stored[i + 1], '^%d+ (%d+) (.*)$')
  if not ends then
    -- Nobody can read it. A report has then ended. A notice may be a pause, so it stays.
    ends, said = name == '' and 0 or 1, stored[i + 1]
  end
  ends = tonumber(ends)
  if name == instance and text ~= '' then
    -- the new report replaces it
  elseif name == instance or ends ~= 0 and ends <= now then
    gone[#gone + 1] = name
  else
    lasts(ends)
    if name == '' then notice = said end
  end
end

if text ~= '' then
  local ends = ttl == '0' and 0 or now + ttl + 1 -- never before the TTL is over
  redis.call('HSET', key, instance, string.format('%.0f %.0f ', now, ends) .. text)
  lasts(ends)
  if instance == '' then notice = text end
end
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
if last > now and not forever then
  redis.call('PEXPIRE', key, string.format('%.0f', last - now))
else
  -- Also if nothing is there: only a master does it, or may say so.
  redis.call('PERSIST', key)
end
return notice
