#!lua flags=allow-oom
-- Only who holds a run renews its lease. A run that was suspected is out of suspicion; an
-- orphan's owner hears that it is one and goes on.
-- ARGV: worker, info, lease ms, then run, fence and nonce of each hold. The answer has a
-- state and a cancel level for each, in that order.
--@include prelude
local worker, info, lease_ms = ARGV[1], ARGV[2], whole(ARGV[3], 'lease')
check(#ARGV % 3 == 0 and #worker > 0, 'heartbeat')

local own = K('worker:' .. worker)
redis.call('ZADD', K('workers'), NOW, worker)
redis.call('HSET', own, 'info', info)
redis.call('PEXPIRE', own, 60000)

local leases, suspects = K('leases'), K('suspects')
local news = {}
for i = 4, #ARGV, 3 do
    local id = ARGV[i]
    local v = redis.call('HMGET', K('run:' .. id), 'status', 'fence', 'nonce', 'cancel')
    local state = 'lost'
    if v[2] == ARGV[i + 1] and v[3] == ARGV[i + 2] then
        if v[1] == 'running' then
            state = 'ok'
            redis.call('ZADD', leases, NOW + lease_ms, id)
            redis.call('ZREM', suspects, id)
        elseif v[1] == 'orphaned' then
            state = 'orphaned'
        end
    end
    news[#news + 1] = state
    news[#news + 1] = tonumber(v[4] or 0)
end
return news
