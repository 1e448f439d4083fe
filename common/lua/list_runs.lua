#!lua flags=no-writes,allow-oom
-- Writes nothing. A page of a list, newest first, after a run that may be gone meanwhile.
-- ARGV: list, time of the run before the page ("0": none), its id, limit.
--@include prelude
local list, before, id, limit = K(ARGV[1]), ARGV[2], ARGV[3], whole(ARGV[4], 'limit')
whole(before, 'time')
check(#ARGV == 4 and limit > 0 and limit <= 1000, 'list_runs')
if before == '0' then
    return redis.call('ZRANGE', list, 0, limit - 1, 'REV', 'WITHSCORES')
end
local rank = redis.call('ZREVRANK', list, id)
if rank then
    return redis.call('ZRANGE', list, rank + 1, rank + limit, 'REV', 'WITHSCORES')
end
return redis.call('ZRANGE', list, '(' .. before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0,
                  limit, 'WITHSCORES')
