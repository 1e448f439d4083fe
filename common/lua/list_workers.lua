#!lua flags=no-writes,allow-oom
-- Writes nothing. The workers heard of in the last minute: id, when, what they told of
-- themselves; at most 1000.
--@include prelude
check(#ARGV == 0, 'list_workers')
local seen = redis.call('ZRANGE', K('workers'), '+inf', NOW - 60000, 'BYSCORE', 'REV',
                        'LIMIT', 0, 1000, 'WITHSCORES')
local list = {}
for i = 1, #seen, 2 do
    list[#list + 1] = seen[i]
    list[#list + 1] = tonumber(seen[i + 1])
    list[#list + 1] = redis.call('HGET', K('worker:' .. seen[i]), 'info') or ''
end
return list
