#!lua flags=allow-oom
-- Forgets ended runs beyond what their scope keeps, and drops the oldest outputs above the
-- limit. Never the newest of a scope or one that its `last` names, never one that has not
-- ended, nothing younger than 25 hours (an Idempotency-Key lives 24).
-- ARGV: runs kept a scope, days kept, bytes of outputs kept (0: all). Looks at 100 runs at
-- most and answers at how many; a scope that was looked at is due again in an hour.
--@include prelude
local keep_runs, keep_days = whole(ARGV[1], 'runs'), whole(ARGV[2], 'days')
local store_max = whole(ARGV[3], 'bytes')
check(#ARGV == 3 and keep_runs >= 0 and keep_days >= 0 and store_max >= 0, 'trim')

local DAY_MS = 86400000
local BATCH = 100
local looked = 0
local ends = {clean = true, drift_detected = true, applied = true, error = true,
              cancelled = true, skipped = true}

local function drop_output(id)
    local result = K('result:' .. id)
    local bytes = redis.call('HSTRLEN', result, 'output') +
                  redis.call('HSTRLEN', result, 'log')
    redis.call('HDEL', result, 'output', 'log')
    redis.call('ZREM', K('outputs'), id)
    redis.call('HINCRBY', K('meta'), 'result_bytes', -bytes)
end

local function forget(id, scope)
    drop_output(id)
    redis.call('DEL', K('run:' .. id), K('spec:' .. id), K('result:' .. id), K('log:' .. id))
    redis.call('ZREM', K('runs:' .. scope), id)
    for _, list in ipairs({'runs', 'ended', 'dead'}) do
        redis.call('ZREM', K(list), id)
    end
end

-- Old enough to go, if `surplus` says that the scope has enough newer ones?
local function may_go(id, surplus)
    local v = redis.call('HMGET', K('run:' .. id), 'status', 'ended')
    if not v[1] then
        return true
    end
    local age = ends[v[1]] and NOW - v[2] or 0
    return age > 25 * 3600000 and (surplus or age > keep_days * DAY_MS)
end

local function trim_scope(scope)
    local runs = K('runs:' .. scope)
    local total = redis.call('ZCARD', runs)
    local kept = {}
    for _, id in ipairs(redis.call('HMGET', K('last:' .. scope), 'newest', 'ended', 'good'))
    do
        kept[id or ''] = true
    end
    local gone = 0
    local ids = redis.call('ZRANGE', runs, 0, BATCH - looked - 1)
    for i, id in ipairs(ids) do
        looked = looked + 1
        if i < total and not kept[id] and may_go(id, total - i >= keep_runs) then
            forget(id, scope)
            gone = gone + 1
        end
    end
    local again = #ids < total and gone > 0 and 1 or 3600000
    if total - gone <= 1 then
        redis.call('ZREM', K('scopes'), scope)
    else
        redis.call('ZADD', K('scopes'), NOW + again, scope)
    end
    if #ids == 0 then
        looked = looked + 1
    end
end

while looked < BATCH do
    local scope = redis.call('ZRANGE', K('scopes'), '-inf', NOW, 'BYSCORE', 'LIMIT', 0, 1)[1]
    if not scope then
        break
    end
    trim_scope(scope)
end

local bytes = tonumber(redis.call('HGET', K('meta'), 'result_bytes') or 0)
while store_max > 0 and bytes > store_max and looked < BATCH do
    local id = redis.call('ZRANGE', K('outputs'), 0, 0)[1]
    if not id then
        break
    end
    drop_output(id)
    redis.call('HSET', K('run:' .. id), 'output_dropped', 1)
    bytes = tonumber(redis.call('HGET', K('meta'), 'result_bytes'))
    looked = looked + 1
end
return looked
