--@include prelude
-- Schedules: where the offset of a due time is computed, and the one place that moves a
-- schedule's tick. An enabled schedule that has a tick is in `due` with the score that its
-- hash shows; any other is not.

-- The schedule's share of its jitter, ms: the fraction of its number times the golden
-- ratio. schedule_offset_ms in schedule.c is the same.
local function schedule_offset(spread, jitter_s)
    return math.floor(((spread * 0.6180339887498949) % 1) * (jitter_s * 1000))
end

-- tick 0: none. `...` are more fields of the schedule and their values.
local function schedule_set_tick(id, tick, spread, jitter_s, ...)
    local due = tick > 0 and tick + schedule_offset(spread, jitter_s) or 0
    redis.call('HSET', K('schedule:' .. id), 'tick', digits(tick), 'due', digits(due), ...)
    if due > 0 then
        redis.call('ZADD', K('due'), digits(due), id)
    else
        redis.call('ZREM', K('due'), id)
    end
end

local function schedule_forget(id, scope)
    redis.call('DEL', K('schedule:' .. id))
    redis.call('ZREM', K('due'), id)
    redis.call('ZREM', K('schedules:' .. scope), id)
end

-- A workspace has a hundred at most.
local function schedules_forget_all(scope)
    for _, id in ipairs(redis.call('ZRANGE', K('schedules:' .. scope), 0, -1)) do
        schedule_forget(id, scope)
    end
end

-- Its id, then those fields; nil: no such schedule.
local function schedule_show(id, fields)
    local key = K('schedule:' .. id)
    if redis.call('EXISTS', key) == 0 then
        return nil
    end
    local shown = redis.call('HMGET', key, unpack(fields))
    table.insert(shown, 1, id)
    return shown
end
