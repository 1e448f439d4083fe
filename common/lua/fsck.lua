#!lua flags=allow-oom
-- Repairs what no invariant allows, a piece at a time, and says what it found: normally
-- nothing. It never starts, ends or requeues a run: a lease or a suspicion is put right,
-- and reap does the rest.
-- ARGV: grace ms. The answer is a count and a sentence for each.
--@include run_end
local grace_ms = whole(ARGV[1], 'grace')
check(#ARGV == 1, 'fsck')

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
if redis.call('EXISTS', K('ready'), K('active')) == 0 and
    tonumber(redis.call('HGET', K('waiting'), '') or 0) ~= 0 then
    note('runs were counted as waiting, but no target has any')
    redis.call('DEL', K('waiting'))
end
return found
