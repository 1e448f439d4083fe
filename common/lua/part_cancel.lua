--@include run_end
-- Cancelling one run, for `cancel` and for whoever deletes what a run belongs to.

-- Asks the worker of a running run, once per level.
local function ask_to_stop(run, level, by)
    if level <= run.cancel then
        return
    end
    redis.call('HSET', K('run:' .. run.id), 'cancel', level, 'cancel_by', by, 'version',
               event(run.id, run.status))
    local ctl = K('ctl:' .. run.worker)
    redis.call('RPUSH', ctl, 'cancel ' .. run.id .. ' ' .. level)
    redis.call('LTRIM', ctl, -1000, -1)
    redis.call('PEXPIRE', ctl, 3600000)
end

-- level 1: asked, 2: forced. Returns 'done', 'asked' or 'ended'.
local function cancel_run(run, level, by)
    if run.status == 'queued' or run.status == 'delayed' then
        move(run.id, run.status, 'cancel', 'cancelled')
        run_end(run, 'cancelled', 'cancel', level, 'cancel_by', by)
        return 'done'
    end
    if run.status == 'running' then
        ask_to_stop(run, level, by)
        return 'asked'
    end
    return 'ended'
end
