--@include waiting
-- How runs come in: the one writer of a new run, and what a request is measured by first.

-- What the first call with this Idempotency-Key was answered. nil: this is the first.
local function answered_before(idem, body)
    local before = idem ~= '' and redis.call('GET', K('idem:' .. idem))
    if not before then
        return nil
    end
    local id, joined, old_body = string.match(before, '^(%S+) (%d) (.*)$')
    if old_body ~= body then
        return {'mismatch', id, 0}
    end
    return {'replayed', id, tonumber(joined)}
end

-- Without a key a call that joined another run leaves no note: sent again it joins again,
-- or becomes a run of its own.
local function remember_answer(idem, body, id, joined)
    if idem ~= '' then
        redis.call('SET', K('idem:' .. idem), id .. ' ' .. joined .. ' ' .. body, 'PX',
                   86400000)
    end
end

-- Has the project changed since its revision was read? "-1": nobody asks.
local function has_moved(pkey, revision)
    return revision ~= '-1' and
           redis.call('HGET', K('project:' .. pkey), 'revision') ~= revision
end

-- Why `count` more runs may not wait, or nil. Those of schedules wait without a limit and
-- come last: they take nobody's room.
local function no_room(pkey, count, max_queued, max_project)
    local waiting = redis.call('HMGET', K('waiting'), '', 'schedule', pkey,
                               'schedule ' .. pkey)
    if (waiting[1] or 0) - (waiting[2] or 0) + count > max_queued then
        return {'full', '', 0}
    end
    if pkey ~= '' and (waiting[3] or 0) - (waiting[4] or 0) + count > max_project then
        return {'full_project', '', 0}
    end
    return nil
end

local function enter_history(run, now)
    redis.call('ZADD', K('runs'), now, run.id)
    redis.call('ZADD', K('runs:' .. run.scope), now, run.id)
    if run.skipped then
        redis.call('ZADD', K('skips:' .. run.scope), now, run.id)
    elseif run.kind == 'drift_check' then
        redis.call('HSET', K('last:' .. run.scope), 'newest', run.id)
    end
end

-- Where a run begins: in line; in `delayed` until the stages before its own have ended;
-- ended already.
local function enter_first(run, status, seq, now)
    if status == 'skipped' then
        redis.call('HSET', K('run:' .. run.id), 'ended', now, 'summary', run.skipped)
        redis.call('HSET', K('result:' .. run.id), 'metadata', run.skipped)
        redis.call('ZADD', K('ended'), now, run.id)
        redis.call('ZADD', K('scopes'), 'NX', now, run.scope)
    elseif status == 'delayed' then
        redis.call('ZADD', K('delayed'), '+inf', run.id)
        redis.call('ZADD', K('batch_later:' .. run.batch), run.stage, run.id)
    else
        enter_waiting(run, seq)
    end
end

-- Writes a run: id, kind, trigger, target, scope, project, workspace, pkey, spec, ref,
-- coalesce, priority, locked_by; of a batch also batch, index, stage, deps, of a schedule
-- also its id as schedule. With `skipped`, its summary, it is only told of.
local function make_run(run)
    local key, now = K('run:' .. run.id), digits(NOW)
    local later = run.batch and run.stage > 0
    local status = run.skipped and 'skipped' or later and 'delayed' or 'queued'
    local seq = redis.call('HINCRBY', K('meta'), 'seq', 1)
    redis.call('HSET', key, 'status', status, 'kind', run.kind, 'trigger', run.trigger,
               'target', run.target, 'scope', run.scope, 'project', run.project,
               'workspace', run.workspace, 'pkey', run.pkey, 'ref', run.ref, 'coalesce',
               run.coalesce, 'seq', seq, 'priority', run.priority, 'queued', now,
               'locked_by', run.locked_by, 'version', event(run.id, status))
    redis.call('SET', K('spec:' .. run.id), run.spec)
    if run.batch then
        redis.call('HSET', key, 'batch', run.batch, 'index', run.index, 'stage',
                   run.stage, 'deps', run.deps)
    end
    if run.schedule then
        redis.call('HSET', key, 'schedule', run.schedule)
    end
    enter_first(run, status, seq, now)
    -- A resolve run is part of no history: it is found by its batch, and goes with it.
    if run.kind ~= 'resolve' then
        enter_history(run, now)
    end
end
