-- script.lua goes on with a write that is not the usual one. It has the same arguments.
do
  local keys, args = KEYS, ARGV
  if not args[6] then
    local before = args[4]
    if before == '' then before = nil end
    local code = usual(keys[1], keys[2], args[1], args[2], args[3], before, args[5])
    if code then return code end
  end
end
