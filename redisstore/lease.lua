-- Grants, renews or ends the lease on one key in one atomic step, by the
-- server's own clock. A lease is valid only while leaseEpoch == fence: whatever
-- raises the fence ends the lease.
--
-- KEYS[1]  the fence
-- KEYS[2]  the checkpoint; given only to acquire
-- KEYS[3]  the audit entries; given only to acquire
-- ARGV     mode (a: acquire, n: renew, l: release), owner, epoch of the lease or
--          '0', TTL in milliseconds
--
-- Returns a table of a code and its detail:
--   {1, epoch, until} granted or renewed, {2, owner, until} held,
--   {3} released, or nothing to release, {4, fence, [owner]} fenced,
--   {5, what, [value]} damaged lease, {7} the fence cannot be raised,
--   {8, value, [epoch above it, of what]} damaged fence

local key = KEYS[1]
local mode, owner, epoch, ttl = unpack(ARGV)

local stored = attempt('HMGET', key, 'epoch', 'owner', 'leaseEpoch', 'until', 'granted')
if stored.err then
  if mode == 'l' then return {3} end
  return {8, stored.err}
end
local oldOwner, oldEpoch, oldUntil, granted = stored[2], stored[3], stored[4], stored[5]

if mode == 'l' then
  if epoch ~= '0' and oldOwner == owner and oldEpoch == epoch then
    -- A fence that has lost its epoch must not become a missing one: an empty hash is gone.
    if not stored[1] then redis.call('HSET', key, 'epoch', '') end
    redis.call('HDEL', key, 'owner', 'leaseEpoch', 'until', 'granted')
  else
    redis.call('PERSIST', key) -- no change, but only a master does it, or may say that nothing is there
  end
  return {3}
end

local fence, wrong = fenceOf(key, stored[1])
if not fence then return {8, wrong} end

-- A lease lasts for at least its whole TTL, so its start is rounded up.
local now = milliseconds()
local first = math.ceil(now)
local takesOver = false

if mode == 'n' then
  if epoch == '0' or epoch ~= fence then
    -- A replica may lag. This changes nothing, and only a master does it.
    if less(fence, epoch) then redis.call('PERSIST', key) end
    return {4, fence}
  end
  -- After a failover that lost a grant, the same epoch may have been granted to
  -- another owner.
  if oldOwner and oldOwner ~= '' and oldOwner ~= owner and oldEpoch == epoch then return {4, fence, oldOwner} end
else
  local written = attempt('HGET', KEYS[2], 'epoch')
  if type(written) == 'string' and canonical(written) and less(fence, written) then
    return {8, fence, written, 'checkpoint'}
  end
  local sound = oldEpoch and oldEpoch ~= '0' and canonical(oldEpoch)
  -- The next epoch may have been in use already.
  if sound and less(fence, oldEpoch) then return {8, fence, oldEpoch, 'lease'} end
  -- The owner's own lease is replaced, even if it is damaged. A lease with
  -- leaseEpoch < fence is void.
  local void = sound and less(oldEpoch, fence)
  if (oldOwner or oldEpoch or oldUntil) and oldOwner ~= owner and not void then
    if not sound then return {5, 'leaseEpoch', short(oldEpoch)} end
    if not oldOwner or oldOwner == '' then return {5, 'owner', short(oldOwner)} end
    if not oldUntil or not canonical(oldUntil) or #oldUntil > 15 then return {5, 'until', short(oldUntil)} end
    local ends = tonumber(oldUntil)
    if ends > now then
      -- If the clock was set back, the lease ends one TTL from now.
      if granted and canonical(granted) and #granted <= 15 then
        local lasts = ends - tonumber(granted)
        if lasts > 0 and ends > first + lasts then
          oldUntil = string.format('%.0f', first + lasts)
          redis.call('HSET', key, 'until', oldUntil, 'granted', string.format('%.0f', first))
        end
      end
      return {2, oldOwner, oldUntil}
    end
  end
  if fence == MAX then return {7} end
  epoch = increment(fence)
  takesOver = (oldOwner or oldEpoch or oldUntil) and oldOwner ~= owner
  if takesOver then mayNote() end
  raise(key, epoch)
end

local ends = string.format('%.0f', first + ttl)
redis.call('HSET', key, 'owner', owner, 'leaseEpoch', epoch, 'until', ends, 'granted', string.format('%.0f', first))
if takesOver then
  local position = positionAt(KEYS[2])
  note(KEYS[3], 'take-over', owner, 'after ' .. string.sub(oldOwner or '', 1, 512), position, position, fence, epoch)
end
return {1, epoch, ends}
