--@include prelude
-- Waiting runs. Every entry into and exit from waiting goes through enter_waiting and
-- leave_waiting, which keep together: q:<target> (the FIFO), prio:<target> (the same runs
-- by score), the counts in `waiting`, `coalesce`, and `ready`, which has a target exactly
-- when it has waiting runs and is not active, scored with the least of its runs' scores.

local function count_waiting(pkey, by)
    local waiting = K('waiting')
    redis.call('HINCRBY', waiting, '', by)
    if pkey ~= '' and redis.call('HINCRBY', waiting, pkey, by) == 0 then
        redis.call('HDEL', waiting, pkey)
    end
end

-- Somebody idle should claim. Only a hint: workers claim every two seconds anyway.
local function wake()
    redis.call('ZADD', K('wake'), 0, 'claim')
end

-- Makes `ready` true again for a target whose waiting runs or activity have changed.
local function refresh_ready(target)
    local best = redis.call('ZRANGE', K('prio:' .. target), 0, 0, 'WITHSCORES')
    if not best[1] or redis.call('HEXISTS', K('active'), target) == 1 then
        redis.call('ZREM', K('ready'), target)
    else
        redis.call('ZADD', K('ready'), best[2], target)
        wake()
    end
end

-- `coalesce` is the fingerprint that equal drift checks may join, or ''.
local function enter_waiting(id, target, pkey, seq, priority, coalesce)
    redis.call('ZADD', K('q:' .. target), seq, id)
    redis.call('ZADD', K('prio:' .. target), priority, id)
    count_waiting(pkey, 1)
    if coalesce ~= '' then
        redis.call('HSETNX', K('coalesce'), coalesce, id)
    end
    if redis.call('HEXISTS', K('active'), target) == 0 then
        redis.call('ZADD', K('ready'), 'LT', priority, target)
        wake()
    end
end

-- The caller sees to `ready` afterwards (claim makes the target active, others refresh).
local function leave_waiting(id, target, pkey, coalesce)
    redis.call('ZREM', K('q:' .. target), id)
    redis.call('ZREM', K('prio:' .. target), id)
    count_waiting(pkey, -1)
    if coalesce ~= '' and redis.call('HGET', K('coalesce'), coalesce) == id then
        redis.call('HDEL', K('coalesce'), coalesce)
    end
end
