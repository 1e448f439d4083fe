#!lua flags=no-writes,allow-oom
-- Writes nothing. The runs that hold a target, oldest first, at most 1000; a resolve run
-- holds none that anybody knows. Of each: id, kind, when it began, token's name, spec.
--@include prelude
check(#ARGV == 0, 'list_locks')

local LOCKS_MAX = 1000
local held = {}
for _, id in ipairs(redis.call('HVALS', K('active'))) do
    local v = redis.call('HMGET', K('run:' .. id), 'kind', 'started', 'locked_by')
    if v[1] and v[1] ~= 'resolve' then
        held[#held + 1] = {id, v[1], tonumber(v[2] or 0), v[3] or ''}
    end
end
table.sort(held, function(a, b)
    return a[3] < b[3] or (a[3] == b[3] and a[1] < b[1])
end)
local locks = {}
for i = 1, math.min(#held, LOCKS_MAX) do
    held[i][5] = redis.call('GET', K('spec:' .. held[i][1]))
    locks[i] = held[i]
end
return locks
