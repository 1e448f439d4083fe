--@include run
--@include waiting
-- What ends a run or takes it from its worker, seen for that run alone.

-- Takes a running (or orphaned) run off its worker and frees its target.
local function let_go(run)
    redis.call('ZREM', K('leases'), run.id)
    redis.call('ZREM', K('suspects'), run.id)
    redis.call('ZREM', K('orphans'), run.id)
    if redis.call('HGET', K('active'), run.target) == run.id then
        redis.call('HDEL', K('active'), run.target)
    end
    refresh_ready(run.target)
end

-- Back among the waiting, in the run's old place, as a new version.
local function requeue(run, ...)
    redis.call('HSET', K('run:' .. run.id), 'status', 'queued', 'started', 0, 'due', 0,
               'version', event(run.id, 'queued'), ...)
    enter_waiting(run, run.seq)
end

-- The scope's last checks: `ended` is the last that came to an answer or an error, `good`
-- the last that came to an answer. And the last reconcile that may have left nothing.
local function remember_last(run, status)
    if run.kind == 'reconcile' and (status == 'clean' or status == 'applied') then
        redis.call('HSET', K('last:' .. run.scope), 'reconciled', run.id)
    end
    if run.kind ~= 'drift_check' then
        return
    end
    if status == 'clean' or status == 'drift_detected' then
        redis.call('HSET', K('last:' .. run.scope), 'ended', run.id, 'good', run.id)
    elseif status == 'error' then
        redis.call('HSET', K('last:' .. run.scope), 'ended', run.id)
    end
end

-- As run_end, but its batch does not hear of it.
local function end_one(run, status, ...)
    redis.call('HSET', K('run:' .. run.id), 'status', status, 'ended', NOW, 'version',
               event(run.id, status), ...)
    redis.call('ZADD', K('ended'), NOW, run.id)
    if run.kind ~= 'resolve' then
        redis.call('ZADD', K('scopes'), 'NX', NOW, run.scope)
    end
    if status == 'orphaned' then
        redis.call('ZREM', K('leases'), run.id)
        redis.call('ZREM', K('suspects'), run.id)
        redis.call('ZADD', K('orphans'), NOW, run.id)
        return
    end
    if run.status == 'queued' then
        leave_waiting(run)
        refresh_ready(run.target)
    elseif run.status == 'delayed' then
        redis.call('ZREM', K('delayed'), run.id)
    else
        let_go(run)
    end
    -- Of a run that was lost, or that a person has ended, it is the only one: it stays.
    if redis.call('HEXISTS', K('result:' .. run.id), 'log') == 1 then
        redis.call('PEXPIRE', K('log:' .. run.id), 600000)
    end
    remember_last(run, status)
end
