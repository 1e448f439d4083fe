#!lua flags=allow-oom
-- Repairs what no invariant allows, a piece at a time, and says what it found: normally
-- nothing. It never starts, ends or requeues a run: a lease or a suspicion is put right,
-- and reap does the rest. A batch that did not hear of its runs' ends goes on.
-- ARGV: grace ms, lease of a delivery ms. The answer is a count and a sentence for each.
--@include run_end
--@include outbox_fsck
local grace_ms, delivery_ms = whole(ARGV[1], 'grace'), whole(ARGV[2], 'lease')
check(#ARGV == 2, 'fsck')

local BATCH = 100
local meta = K('meta')
local found = {0}
local function note(text)
    found[1] = found[1] + 1
    found[#found + 1] = text
end

-- Calls see(member) for the next piece of a sorted set.
local function walk(list, see)
    local field = 'fsck_' .. list
    local from = tonumber(redis.call('HGET', meta, field) or 0)
    local members = redis.call('ZRANGE', K(list), from, from + BATCH - 1)
    for _, member in ipairs(members) do
        see(member)
    end
    redis.call('HSET', meta, field, #members == BATCH and from + BATCH or 0)
end

local function see_active(target, id)
    local run = run_load(id)
    if not run or run.target ~= target or
        (run.status ~= 'running' and run.status ~= 'orphaned') then
        note('target ' .. target .. ' was locked by run ' .. id .. ', which does not run')
        redis.call('HDEL', K('active'), target)
        refresh_ready(target)
    elseif run.status == 'orphaned' and not redis.call('ZSCORE', K('orphans'), id) then
        note('orphan ' .. id .. ' was not listed')
        redis.call('ZADD', K('orphans'), NOW, id)
    elseif run.status == 'running' and not redis.call('ZSCORE', K('leases'), id) and
        not redis.call('ZSCORE', K('suspects'), id) then
        note('run ' .. id .. ' had no lease')
        redis.call('ZADD', K('suspects'), NOW + grace_ms, id)
    end
end

local function see_held(list, status)
    walk(list, function(id)
        local run = run_load(id)
        if not run or run.status ~= status then
            note('run ' .. id .. ' was in ' .. list .. ' but is not ' .. status)
            redis.call('ZREM', K(list), id)
        elseif redis.call('HSETNX', K('active'), run.target, id) == 1 then
            note('target ' .. run.target .. ' was not locked by run ' .. id)
            refresh_ready(run.target)
        elseif redis.call('HGET', K('active'), run.target) ~= id then
            note('run ' .. id .. ' works on a target that another has locked')
        end
    end)
end

local cursor = redis.call('HGET', meta, 'fsck_active') or '0'
local piece = redis.call('HSCAN', K('active'), cursor, 'COUNT', BATCH)
redis.call('HSET', meta, 'fsck_active', piece[1])
for i = 1, #piece[2], 2 do
    see_active(piece[2][i], piece[2][i + 1])
end
see_held('leases', 'running')
see_held('suspects', 'running')
see_held('orphans', 'orphaned')
walk('ready', function(target)
    if redis.call('EXISTS', K('q:' .. target)) == 0 or
        redis.call('HEXISTS', K('active'), target) == 1 then
        note('target ' .. target .. ' was in ready')
        refresh_ready(target)
    end
end)

walk('due', function(id)
    local v = redis.call('HMGET', K('schedule:' .. id), 'due', 'enabled', 'version', 'tick',
                         'spread', 'jitter')
    local due = v[2] == '1' and tonumber(v[1]) or 0
    for i = 3, 6 do
        due = tonumber(v[i]) and due or 0
    end
    if due == 0 then
        note('schedule ' .. id .. (v[1] and ' cannot fire' or ' is not there') ..
             ', but was due')
        redis.call('ZREM', K('due'), id)
    elseif due ~= tonumber(redis.call('ZSCORE', K('due'), id)) then
        note('schedule ' .. id .. ' was due at another time than it shows')
        redis.call('ZADD', K('due'), digits(due), id)
    end
end)

fsck_hooks(walk, note, delivery_ms)

-- Counts the runs of a batch that have not ended, in all and of the stages that have come.
local function count_left(batch)
    local left, stage_left, missed = 0, 0, {}
    local later = K('batch_later:' .. batch.id)
    for _, id in ipairs(redis.call('LRANGE', K('batch_runs:' .. batch.id), 0, -1)) do
        local run = run_load(id)
        local counted = run and redis.call('HGET', K('run:' .. id), 'counted')
        if run and not counted then
            if run.status == 'orphaned' or redis.call('ZSCORE', K('ended'), id) then
                missed[#missed + 1] = run
            end
            left = left + 1
            stage_left = stage_left + (redis.call('ZSCORE', later, id) and 0 or 1)
        end
    end
    return left, stage_left, missed
end

local function see_batch(batch)
    local left, stage_left, missed = count_left(batch)
    if left == batch.outstanding and stage_left == batch.stage_left and #missed == 0 then
        return left
    end
    note('batch ' .. batch.id .. ' did not count the ends of its runs')
    local counting = batch_counting()
    batch.outstanding, batch.stage_left = left, stage_left
    for _, run in ipairs(missed) do
        counting.count(batch, run, run.status)
    end
    counting.settle(batch)
    return left
end

-- Returns how many runs were looked at.
local function see_open_batch(id)
    local batch = batch_load(id)
    if not batch or batch_ended(batch.status) then
        note('batch ' .. id .. ' was listed as open')
        redis.call('ZREM', K('batches_open'), id)
    elseif redis.call('EXISTS', K('batch_runs:' .. id)) == 1 then
        return see_batch(batch)
    elseif redis.call('ZSCORE', K('ended'), batch.resolve) or
        redis.call('EXISTS', K('run:' .. batch.resolve)) == 0 then
        note('batch ' .. id .. ' did not hear of the end of its resolve run')
        batch_counting().unresolved(batch, {id = batch.resolve}, 'error')
    end
    return 1
end

-- A batch has more runs than a piece may have; the piece ends with it.
local function see_open_batches()
    local from = tonumber(redis.call('HGET', meta, 'fsck_batches') or 0)
    local ids = redis.call('ZRANGE', K('batches_open'), from, from + BATCH - 1)
    local looked, seen = 0, 0
    while seen < #ids and looked < BATCH do
        seen = seen + 1
        looked = looked + see_open_batch(ids[seen])
    end
    local more = seen < #ids or #ids == BATCH
    redis.call('HSET', meta, 'fsck_batches', more and from + seen or 0)
end
see_open_batches()

if redis.call('EXISTS', K('ready'), K('active')) == 0 and
    tonumber(redis.call('HGET', K('waiting'), '') or 0) ~= 0 then
    note('runs were counted as waiting, but no target has any')
    redis.call('DEL', K('waiting'))
end
return found
