-- What all scripts begin with.

-- attempt returns the error of a key of another type, and raises any other: a
-- missing permission is no damage.
local function attempt(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE', 1, true) then
    redis.call(...)
  end
  return reply
end

-- short is enough of a stored value to show what is wrong with it.
local function short(s) return s and string.sub(s, 1, 65) end

-- textAt returns the string at a key of the older layout: more of it than any
-- checkpoint has, and not the whole of a large one.
local function textAt(key) return attempt('GETRANGE', key, 0, 64) end
