-- Grants, renews or ends the lease on one key in one atomic step, by the
-- server's own clock. The lease is valid as long as its epoch, leaseEpoch, is
-- the fence: whatever raises the fence ends it.
--
-- KEYS[1]  the fence
-- KEYS[2]  the checkpoint; given only to acquire
-- ARGV     mode (a: acquire, n: renew, l: release), owner, epoch of the lease or
--          '0', TTL in milliseconds
--
-- Returns a table of a code and its detail:
--   {1, epoch, until} granted or renewed, {2, owner, until} held,
--   {3} released, or nothing to release, {4, fence, [owner]} fenced,
--   {5, what, value} damaged, {7} the fence cannot be raised,
--   {8, value, [epoch stored]} damaged fence

local key = KEYS[1]
local mode, owner, epoch, ttl = unpack(ARGV)

local stored = attempt('HMGET', key, 'epoch', 'owner', 'leaseEpoch', 'until')
if stored.err then return {8, stored.err} end
local fence = stored[1] or '0'
if not canonical(fence) then return {8, fence} end
local oldOwner, oldEpoch, oldUntil = stored[2], stored[3], stored[4]

if mode == 'l' then
  if oldOwner == owner and oldEpoch == epoch then
    redis.call('HDEL', key, 'owner', 'leaseEpoch', 'until')
  end
  return {3}
end

-- Milliseconds since 1970 have few enough bits for a Lua number.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

if mode == 'n' then
  if epoch ~= fence then return {4, fence} end
  -- After a failover that lost a grant, an epoch may be granted again.
  if oldOwner and oldOwner ~= owner and oldEpoch == epoch then return {4, fence, oldOwner} end
else
  local sound = oldEpoch and canonical(oldEpoch)
  -- The next epoch would be one that has been in use.
  if sound and less(fence, oldEpoch) then return {5, 'fence', oldEpoch} end
  -- A fence that has lost its epoch is no fence that was never there.
  if not stored[1] and redis.call('EXISTS', key) == 1 then return {8, ''} end
  -- Each write leaves the fence at its own epoch or above.
  local written = attempt('HGET', KEYS[2], 'epoch')
  if type(written) == 'string' and canonical(written) and less(fence, written) then
    return {8, fence, written}
  end
  -- The owner's own lease is replaced, whatever is wrong with it.
  if (oldOwner or oldEpoch or oldUntil) and oldOwner ~= owner then
    if not oldEpoch then return {5, 'leaseEpoch'} end
    if not sound then return {5, 'leaseEpoch', oldEpoch} end
    if oldEpoch == fence then
      if not oldOwner then return {5, 'owner'} end
      if not oldUntil then return {5, 'until'} end
      if not canonical(oldUntil) or #oldUntil > 15 then return {5, 'until', oldUntil} end
      if tonumber(oldUntil) > now then return {2, oldOwner, oldUntil} end
    end
  end
  if fence == MAX then return {7} end
  epoch = increment(fence)
end

-- Rounded up: a lease lasts for its whole TTL.
local ends = string.format('%.0f', math.ceil(now) + ttl)
redis.call('HSET', key, 'epoch', epoch, 'owner', owner, 'leaseEpoch', epoch, 'until', ends)
return {1, epoch, ends}
