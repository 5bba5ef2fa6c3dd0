-- All scripts begin with this part.

-- attempt runs a command. It returns the error about a key of another type, and
-- raises any other error: a missing permission is no damage.
local function attempt(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE', 1, true) then
    redis.call(...)
  end
  return reply
end

-- short cuts a stored value, and leaves enough to show what is wrong with it.
local function short(s) return s and string.sub(s, 1, 65) end

-- textAt returns the string at a key of the older layout, cut to 65 bytes: more
-- than any checkpoint has, and less than the whole of a large string.
local function textAt(key) return attempt('GETRANGE', key, 0, 64) end
