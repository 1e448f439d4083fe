--@include hook
-- Deliveries: what the scripts that move them share; see outbox.h. Their first arguments
-- are its limits.
local QUIET_MS, GATHER_MAX_MS = whole(ARGV[1], 'quiet'), whole(ARGV[2], 'gather')
local FLYING_MAX, WAITING_MAX = whole(ARGV[3], 'flying'), whole(ARGV[4], 'waiting')
local DELIVERIES_MAX, LOG_MAX = whole(ARGV[5], 'deliveries'), whole(ARGV[6], 'log')
local KEEP_MS, DEFAULT_HOOK = whole(ARGV[7], 'keep'), ARGV[8]
local LIMITS = 8 -- arguments
local BATCH = 100

-- Among the pending: is sent by itself, before what waits for a digest.
local URGENT = 1

-- Do its events travel together? The default hook, which is not stored, is for people.
local function hook_digests(hook)
    return hook == DEFAULT_HOOK or
           redis.call('HGET', K('hook:' .. hook), 'digests') == '1'
end

-- ---- its log: lines of JSON, the newest last ----
-- note: a JSON string.
local function log_line(status, took_ms, note)
    return '{"at":' .. digits(NOW) .. ',"status":' .. digits(status) .. ',"tookMs":' ..
           digits(took_ms) .. ',"note":' .. note .. '}'
end

local function log_with(log, line)
    local lines = {}
    for old in string.gmatch(log or '', '[^\n]+') do
        lines[#lines + 1] = old
    end
    lines[#lines + 1] = line
    return table.concat(lines, '\n', math.max(1, #lines - LOG_MAX + 1))
end

local function log_add(id, line)
    local key = K('delivery:' .. id)
    redis.call('HSET', key, 'log', log_with(redis.call('HGET', key, 'log'), line))
end

-- ---- when to look at a hook ----
-- When the first of what waits, due at `due`, may be sent.
local function ready_at(hook, digests, due)
    local gather = redis.call('HMGET', K('gather:' .. hook), 'first', 'last', 'next')
    -- URGENT is a place, not a time: trim forgets a hook that was due a week ago.
    local at = math.max(due > URGENT and due or NOW, tonumber(gather[3] or 0))
    if digests and due > URGENT and gather[1] then
        at = math.max(at, math.min(gather[2] + QUIET_MS, gather[1] + GATHER_MAX_MS))
    end
    return at
end

-- How many requests may be under way to it. People get one message at a time; a program
-- that did not answer the last one does too, or those that hang would take up all that
-- the senders can do.
local function flying_max(hook, digests)
    if digests or redis.call('HEXISTS', K('gather:' .. hook), 'silent') == 1 then
        return 1
    end
    return FLYING_MAX
end

-- hooks_due has a hook exactly when something waits for it or is on its way to it.
local function plan_look(hook, digests)
    local at
    local flying = redis.call('ZRANGE', K('flying:' .. hook), 0, 0, 'WITHSCORES')
    if flying[1] then
        at = tonumber(flying[2])
    end
    local first = redis.call('ZRANGE', K('pending:' .. hook), 0, 0, 'WITHSCORES')
    if first[1] and
        redis.call('ZCARD', K('flying:' .. hook)) < flying_max(hook, digests) then
        local ready = ready_at(hook, digests, tonumber(first[2]))
        at = math.min(at or ready, ready)
    end
    if at then
        redis.call('ZADD', K('hooks_due'), math.max(at, NOW), hook)
    else
        redis.call('ZREM', K('hooks_due'), hook)
    end
end

-- Hooks that are due stand in a line: who was looked at goes to its end, however long
-- its deliveries wait; who gets one more keeps its place.
local function plan_look_at_more(hook, digests)
    local place = redis.call('ZSCORE', K('hooks_due'), hook)
    plan_look(hook, digests)
    if place and tonumber(place) <= NOW then
        redis.call('ZADD', K('hooks_due'), 'LT', place, hook)
    end
end

-- ---- one delivery ----
local function delivery_leave(hook, id)
    for _, list in ipairs({'waiting:', 'pending:', 'flying:'}) do
        redis.call('ZREM', K(list .. hook), id)
    end
end

-- state: sent or dead.
local function delivery_end(hook, id, state)
    delivery_leave(hook, id)
    redis.call('HSET', K('delivery:' .. id), 'state', state, 'ended', NOW, 'due', 0)
end

local function delivery_give_up(hook, id, note)
    if redis.call('EXISTS', K('delivery:' .. id)) == 0 then
        delivery_leave(hook, id)
        return
    end
    log_add(id, log_line(0, 0, note))
    delivery_end(hook, id, 'dead')
end

-- due URGENT: at once, and alone.
local function delivery_wait(hook, id, due)
    redis.call('ZREM', K('flying:' .. hook), id)
    redis.call('ZADD', K('pending:' .. hook), due, id)
    redis.call('HSET', K('delivery:' .. id), 'due', math.max(due, NOW))
end

-- Of the oldest that are kept the first that does not wait, else the oldest.
local function forget_oldest(hook)
    local ids = redis.call('ZRANGE', K('deliveries:' .. hook), 0, BATCH - 1)
    local oldest = ids[1]
    for _, id in ipairs(ids) do
        if not redis.call('ZSCORE', K('waiting:' .. hook), id) then
            oldest = id
            break
        end
    end
    delivery_leave(hook, oldest)
    redis.call('ZREM', K('deliveries:' .. hook), oldest)
    redis.call('DEL', K('delivery:' .. oldest))
end

local function make_room(hook)
    local list, waiting = K('deliveries:' .. hook), K('waiting:' .. hook)
    redis.call('ZREMRANGEBYSCORE', list, '-inf', NOW - KEEP_MS)
    if redis.call('ZCARD', list) >= DELIVERIES_MAX then
        forget_oldest(hook)
    end
    if redis.call('ZCARD', waiting) >= WAITING_MAX then
        delivery_give_up(hook, redis.call('ZRANGE', waiting, 0, 0)[1],
                         '"Given up: too many were waiting"')
    end
end

-- A new delivery of an event. The caller plans the look.
local function deliver(hook, id, event, kind, batch, alone)
    make_room(hook)
    local key = K('delivery:' .. id)
    redis.call('HSET', key, 'hook', hook, 'event', event, 'type', kind, 'batch', batch,
               'state', 'waiting', 'attempts', 0, 'due', NOW, 'created', NOW, 'ended', 0,
               'nonce', '', 'alone', alone and 1 or 0, 'log', '')
    redis.call('PEXPIRE', key, KEEP_MS)
    redis.call('ZADD', K('deliveries:' .. hook), NOW, id)
    redis.call('PEXPIRE', K('deliveries:' .. hook), KEEP_MS)
    redis.call('ZADD', K('waiting:' .. hook), NOW, id)
    delivery_wait(hook, id, alone and URGENT or NOW)
end

local function event_keep(id, json)
    redis.call('SET', K('event:' .. id), json, 'PX', KEEP_MS)
end
