-- script.lua goes on with a write that is not the usual one. It has the same arguments.
do
  local before, epoch = ARGV[4], ARGV[5]
  if not ARGV[6] then
    if before == '' then before = nil end
    local code = usual(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], before, epoch)
    if code then return code end
  end
end
