--@include prelude
-- Waiting runs. Every entry into and exit from waiting goes through enter_waiting and
-- leave_waiting, which keep together: q:<target> (the FIFO), the counts in `waiting`,
-- `coalesce`, and `ready`, which has a target exactly when it has waiting runs and is not
-- active, scored with the least of its runs' scores (of the first hundred).

local function count_waiting(run, by)
    local waiting = K('waiting')
    local function count(field)
        if redis.call('HINCRBY', waiting, field, by) == 0 then
            redis.call('HDEL', waiting, field)
        end
    end
    redis.call('HINCRBY', waiting, '', by)
    if run.pkey ~= '' then
        count(run.pkey)
    end
    if run.trigger == 'schedule' then
        count('schedule')
        count('schedule ' .. run.pkey)
    end
end

-- Somebody idle should claim. Only a hint: workers claim every two seconds anyway.
local function wake()
    redis.call('ZADD', K('wake'), 0, 'claim')
end

-- Makes `ready` true again for a target whose waiting runs or activity have changed.
local function refresh_ready(target)
    if redis.call('HEXISTS', K('active'), target) == 1 then
        redis.call('ZREM', K('ready'), target)
        return
    end
    local best
    for _, id in ipairs(redis.call('ZRANGE', K('q:' .. target), 0, 99)) do
        local priority = tonumber(redis.call('HGET', K('run:' .. id), 'priority') or 0)
        best = math.min(best or priority, priority)
    end
    if best then
        redis.call('ZADD', K('ready'), best, target)
        wake()
    else
        redis.call('ZREM', K('ready'), target)
    end
end

-- Of a run both read its id, target, pkey, trigger and coalesce: the fingerprint that
-- equal drift checks may join, or ''.
local function enter_waiting(run, seq)
    redis.call('ZADD', K('q:' .. run.target), seq, run.id)
    count_waiting(run, 1)
    if run.coalesce ~= '' then
        redis.call('HSETNX', K('coalesce'), run.coalesce, run.id)
    end
    if redis.call('HEXISTS', K('active'), run.target) == 0 and
        redis.call('ZADD', K('ready'), 'LT', run.priority, run.target) == 1 then
        wake()
    end
end

-- The caller sees to `ready` afterwards (claim makes the target active, others refresh).
local function leave_waiting(run)
    redis.call('ZREM', K('q:' .. run.target), run.id)
    count_waiting(run, -1)
    if run.coalesce ~= '' and redis.call('HGET', K('coalesce'), run.coalesce) == run.id then
        redis.call('HDEL', K('coalesce'), run.coalesce)
    end
end
