-- The scripts that change something begin with this part, after common.lua.
--
-- Numbers stay decimal strings: a Lua number holds no more than 53 bits.
local MAX = '18446744073709551615'

local function canonical(s)
  local n = #s
  return n > 0 and not string.find(s, '%D') and (n == 1 or string.byte(s) ~= 48)
    and (n < 20 or (n == 20 and s <= MAX))
end

-- less compares canonical numbers.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function increment(s)
  local head, nines = string.match(s, '^(%d-)(9*)$')
  local zeros = string.rep('0', #nines)
  if head == '' then return '1' .. zeros end
  local last = string.byte(head, -1)
  return string.sub(head, 1, -2) .. string.char(last + 1) .. zeros
end

-- milliseconds is the server's time since 1970, which a Lua number can hold.
local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

-- raise stores the fence, and the time at which it was raised to this epoch.
local function raise(key, epoch)
  redis.call('HSET', key, 'epoch', epoch, 'raised', string.format('%s@%.0f', epoch, math.floor(milliseconds())))
end

-- fenceOf returns the stored fence, '0' if there is none, or nil and a text
-- that shows the damage.
local function fenceOf(key, stored)
  if type(stored) == 'table' then return nil, stored.err end
  if not stored then
    -- A fence that has lost its epoch is damaged: it is not a missing fence.
    if redis.call('EXISTS', key) == 1 then return nil, '' end
    return '0'
  end
  if not canonical(stored) then return nil, short(stored) end
  return stored
end
