#!lua flags=allow-oom
-- Forgets ended runs beyond what their scope keeps, and as many ticks that were skipped,
-- ended batches beyond what their repository keeps and drift records that nobody renews,
-- and drops the oldest outputs above the limit. Never the newest of a scope or one that
-- its `last` names, never what has not ended or is of a batch that is kept, nothing
-- younger than 25 hours (an Idempotency-Key lives 24). What waits for a hook that nobody
-- sends to goes as well.
-- ARGV: runs kept a scope and batches kept a repository, days kept, bytes of outputs kept
-- (0: all). Looks at 100 at most and answers at how many; a scope or repository that was
-- looked at is due again in an hour.
--@include prelude
local keep_runs, keep_days = whole(ARGV[1], 'runs'), whole(ARGV[2], 'days')
local store_max = whole(ARGV[3], 'bytes')
check(#ARGV == 3 and keep_runs >= 0 and keep_days >= 0 and store_max >= 0, 'trim')

local HOUR_MS, DAY_MS = 3600000, 86400000
local DRIFT_MS, EVENT_MS = 90 * DAY_MS, 7 * DAY_MS
local BATCH = 100
local looked = 0
local ends = {clean = true, drift_detected = true, applied = true, error = true,
              cancelled = true, skipped = true, success = true, partial = true,
              failed = true}

local function drop_output(id)
    local result, bytes = K('result:' .. id), 0
    for _, field in ipairs({'output', 'log', 'applied'}) do
        bytes = bytes + redis.call('HSTRLEN', result, field)
    end
    redis.call('HDEL', result, 'output', 'log', 'applied')
    redis.call('ZREM', K('outputs'), id)
    if bytes > 0 then
        redis.call('HINCRBY', K('meta'), 'result_bytes', -bytes)
    end
end

local function forget_run(id, scope)
    drop_output(id)
    redis.call('DEL', K('run:' .. id), K('spec:' .. id), K('result:' .. id), K('log:' .. id))
    redis.call('ZREM', K('runs:' .. scope), id)
    redis.call('ZREM', K('skips:' .. scope), id)
    for _, list in ipairs({'runs', 'ended', 'dead'}) do
        redis.call('ZREM', K(list), id)
    end
end

-- Its runs are found by their scopes from now on; the resolve run is found by nobody.
local function forget_batch(id, repo)
    local resolve = redis.call('HGET', K('batch:' .. id), 'resolve') or ''
    if resolve ~= '' then
        forget_run(resolve, '')
    end
    redis.call('DEL', K('batch:' .. id), K('batch_runs:' .. id), K('batch_later:' .. id))
    redis.call('ZREM', K('batches:' .. repo), id)
end

-- Old enough to go, if `surplus` says that there are enough newer ones?
local function may_go(key, surplus)
    local v = redis.call('HMGET', key, 'status', 'ended', 'batch')
    if not v[1] then
        return true
    end
    local age = ends[v[1]] and NOW - v[2] or 0
    if age <= 25 * HOUR_MS or not (surplus or age > keep_days * DAY_MS) then
        return false
    end
    return not v[3] or redis.call('EXISTS', K('batch:' .. v[3])) == 0
end

-- Calls see(member, how many are newer, its score), which answers whether it is gone, for
-- the next piece of a history, the oldest first; what is kept there hides nothing behind
-- it.
-- `dues` has the owner of that history, due again when there may be more to do.
local function walk(list, dues, owner, see)
    local history, place = K(list .. owner), K('trim_at')
    local total = redis.call('ZCARD', history)
    local from = tonumber(redis.call('HGET', place, list .. owner) or 0)
    local ids = redis.call('ZRANGE', history, from, from + BATCH - looked - 1, 'WITHSCORES')
    local gone, seen = 0, #ids / 2
    for i = 1, seen do
        gone = gone + (see(ids[2 * i - 1], total - from - i, ids[2 * i]) and 1 or 0)
    end
    looked = looked + math.max(seen, 1)
    local newer = total - from - seen
    local age = NOW - (ids[2 * seen] or NOW)
    if newer > 0 and age > 25 * HOUR_MS and
        (newer >= keep_runs or age > keep_days * DAY_MS) then
        redis.call('HSET', place, list .. owner, from + seen - gone)
        redis.call('ZADD', dues, NOW + 1, owner)
        return
    end
    redis.call('HDEL', place, list .. owner)
    redis.call('ZADD', dues, NOW + HOUR_MS, owner)
end

local function trim_scope(scope)
    local kept = {}
    for _, id in ipairs(redis.call('HMGET', K('last:' .. scope), 'newest', 'ended', 'good',
                                   'reconciled')) do
        kept[id or ''] = true
    end
    local skips = K('skips:' .. scope)
    -- Ticks that were skipped and runs that did something: neither pushes out the other.
    local function newer_alike(id, newer, at)
        local skipped = redis.call('ZCOUNT', skips, '(' .. at, '+inf')
        return redis.call('ZSCORE', skips, id) and skipped or newer - skipped
    end
    walk('runs:', K('scopes'), scope, function(id, newer, at)
        local gone = newer > 0 and not kept[id] and
                     may_go(K('run:' .. id), newer_alike(id, newer, at) >= keep_runs)
        if gone then
            forget_run(id, scope)
        end
        return gone
    end)
    if redis.call('ZCARD', K('runs:' .. scope)) <= 1 then
        redis.call('ZREM', K('scopes'), scope)
    end
end

local function trim_repo(repo)
    walk('batches:', K('batches'), repo, function(id, newer)
        local gone = may_go(K('batch:' .. id), newer >= keep_runs)
        if gone then
            forget_batch(id, repo)
        end
        return gone
    end)
    if redis.call('EXISTS', K('batches:' .. repo)) == 0 then
        redis.call('ZREM', K('batches'), repo)
    end
end

local function trim_due(dues, trim_one)
    while looked < BATCH do
        local owner = redis.call('ZRANGE', dues, '-inf', NOW, 'BYSCORE', 'LIMIT', 0, 1)[1]
        if not owner then
            return
        end
        trim_one(owner)
    end
end

-- Batches first: their runs may go only after them.
trim_due(K('batches'), trim_repo)
trim_due(K('scopes'), trim_scope)

local stale = redis.call('ZRANGE', K('drifts'), '-inf', '(' .. NOW - DRIFT_MS, 'BYSCORE',
                         'LIMIT', 0, BATCH - looked)
for _, repo in ipairs(stale) do
    redis.call('UNLINK', K('drift:' .. repo))
    redis.call('ZREM', K('drifts'), repo)
    looked = looked + 1
end

-- Nobody has sent to it for so long that its deliveries are forgotten: the default hook,
-- after it was taken from the settings.
for _, hook in ipairs(redis.call('ZRANGE', K('hooks_due'), '-inf', '(' .. NOW - EVENT_MS,
                                 'BYSCORE', 'LIMIT', 0, BATCH - looked)) do
    redis.call('UNLINK', K('waiting:' .. hook), K('pending:' .. hook),
               K('flying:' .. hook), K('gather:' .. hook))
    redis.call('ZREM', K('hooks_due'), hook)
    looked = looked + 1
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
