#!lua flags=allow-oom
-- A run whose worker was not heard of for its lease and the grace after it is taken from
-- it: a marked apply becomes an orphan that keeps its target locked, anything else waits
-- again, or ends when it crashed too often. The grace counts only while reaping goes on:
-- after a Redis that was frozen or away everybody alive has time to be heard first.
-- ARGV: lease ms, grace ms, crashes at most, longest gap of reaping ms.
--@include run_end
local lease_ms, grace_ms = whole(ARGV[1], 'lease'), whole(ARGV[2], 'grace')
local crashes_max, gap_ms = whole(ARGV[3], 'limit'), whole(ARGV[4], 'gap')
check(#ARGV == 4, 'reap')

local BATCH = 100
local leases, suspects = K('leases'), K('suspects')
local moved, suspected = 0, 0
local count = {queued = 0, error = 0, orphaned = 0, cancelled = 0}

-- Since when is there no gap in the reaping?
local meta = K('meta')
local before = redis.call('HMGET', meta, 'reaped_at', 'reaping_since')
local since = tonumber(before[2] or 0)
if not before[2] or NOW - before[1] > gap_ms or NOW < tonumber(before[1]) then
    since = NOW
end
redis.call('HSET', meta, 'reaped_at', NOW, 'reaping_since', since)

-- A crash within a minute of Redis' own start may be the fault of that.
local uptime
local function crash_counts()
    uptime = uptime or tonumber(string.match(redis.call('INFO', 'server'),
                                             'uptime_in_seconds:(%d+)'))
    return uptime >= 60
end

local function recover(run)
    local status = 'queued'
    local crashes = run.crashes
    if run.marked then
        status = 'orphaned'
    elseif run.cancel > 0 then
        status = 'cancelled'
    elseif crash_counts() then
        crashes = crashes + 1
        status = crashes >= crashes_max and 'error' or 'queued'
    end
    move(run.id, 'running', 'reap', status)
    count[status] = count[status] + 1
    if status == 'queued' then
        requeue(run, 'crashes', crashes, 'fence', '', 'nonce', '')
        let_go(run)
    elseif status == 'orphaned' then
        run_end(run, status, 'error_code', 'INTERRUPTED', 'error_message',
                'The worker was lost while it applied; look at what it did, then resolve')
    elseif status == 'cancelled' then
        run_end(run, status, 'fence', '', 'nonce', '')
    else
        if run.kind ~= 'resolve' then
            redis.call('ZADD', K('dead'), NOW, run.id)
        end
        run_end(run, status, 'crashes', crashes, 'fence', '', 'nonce', '', 'error_code',
                'WORKER_LOST', 'error_message',
                'Its worker was lost ' .. crashes .. ' times')
    end
end

if NOW - since >= grace_ms then
    local over = redis.call('ZRANGE', suspects, '-inf', '(' .. NOW, 'BYSCORE', 'LIMIT', 0,
                            BATCH)
    for _, id in ipairs(over) do
        local run = run_load(id)
        if run and run.status == 'running' then
            recover(run)
        else
            redis.call('ZREM', suspects, id)
        end
        moved = moved + 1
    end
end

local expired = redis.call('ZRANGE', leases, '-inf', '(' .. NOW, 'BYSCORE', 'LIMIT', 0,
                           BATCH - moved)
for _, id in ipairs(expired) do
    redis.call('ZREM', leases, id)
    redis.call('ZADD', suspects, NOW + grace_ms, id)
    suspected = suspected + 1
end

-- The clock was set back: nobody has a lease that long.
for _, id in ipairs(redis.call('ZRANGE', leases, '(' .. NOW + lease_ms, '+inf', 'BYSCORE',
                               'LIMIT', 0, BATCH)) do
    redis.call('ZADD', leases, NOW + lease_ms, id)
end
for _, id in ipairs(redis.call('ZRANGE', suspects, '(' .. NOW + grace_ms, '+inf',
                               'BYSCORE', 'LIMIT', 0, BATCH)) do
    redis.call('ZADD', suspects, NOW + grace_ms, id)
end

for _, worker in ipairs(redis.call('ZRANGE', K('workers'), '-inf', '(' .. NOW - 60000,
                                   'BYSCORE', 'LIMIT', 0, BATCH)) do
    redis.call('ZREM', K('workers'), worker)
end
return {moved + suspected, suspected, count.queued, count.error, count.orphaned,
        count.cancelled}
