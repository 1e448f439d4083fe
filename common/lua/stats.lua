#!lua flags=no-writes,allow-oom
-- Writes nothing. Numbers for /status and /metrics. The oldest wait is that of the first
-- runs of the ten best targets: what a worker would take next.
--@include prelude
check(#ARGV == 0, 'stats')
local meta = redis.call('HMGET', K('meta'), 'result_bytes', 'paused', 'frozen')
local oldest = 0
for _, target in ipairs(redis.call('ZRANGE', K('ready'), 0, 9)) do
    local id = redis.call('ZRANGE', K('q:' .. target), 0, 0)[1]
    local queued = id and tonumber(redis.call('HGET', K('run:' .. id), 'queued') or 0) or 0
    if queued > 0 and (oldest == 0 or queued < oldest) then
        oldest = queued
    end
end
local function size(list)
    return redis.call('ZCARD', K(list))
end
return {tonumber(redis.call('HGET', K('waiting'), '') or 0), size('ready'),
        redis.call('HLEN', K('active')), size('delayed'), size('orphans'), size('dead'),
        redis.call('ZCOUNT', K('workers'), NOW - 60000, '+inf'),
        tonumber(meta[1] or 0), oldest > 0 and NOW - oldest or 0,
        meta[2] == '1' and 1 or 0, meta[3] == '1' and 1 or 0}
