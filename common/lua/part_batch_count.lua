--@include end_one
--@include batch
-- What the end of a run does to its batch: it is counted once, the last of a stage makes
-- the next stage queued, the last of all ends the batch.
--
-- Made on demand: a script makes its functions anew at each call, and most runs are of no
-- batch.
local function batch_counting()
    local function is_good(status)
        return status == 'clean' or status == 'drift_detected' or status == 'applied'
    end

    -- Counts a run that has ended or become an orphan; that fails, and is not counted
    -- again when it is settled. What ends before its stage has come is told to it by
    -- begin_stage.
    local function count_run(batch, run, status)
        if redis.call('HSETNX', K('run:' .. run.id), 'counted', 1) == 0 then
            return
        end
        local result = is_good(status) and 'ok' or 'failed'
        batch.outstanding = batch.outstanding - 1
        batch[result] = batch[result] + 1
        if not redis.call('ZSCORE', K('batch_later:' .. batch.id), run.id) then
            batch.stage_left = batch.stage_left - 1
            batch.stage_failed = batch.stage_failed + (result == 'failed' and 1 or 0)
        end
    end

    -- Did a run fail that must have come to its end well before this one?
    local function dependency_failed(batch, id)
        if batch.failed == 0 then
            return false
        end
        local deps = redis.call('HGET', K('run:' .. id), 'deps') or ''
        for index in string.gmatch(deps, '%d+') do
            local before = redis.call('LINDEX', K('batch_runs:' .. batch.id), index)
            if not before or
                not is_good(redis.call('HGET', K('run:' .. before), 'status')) then
                return true
            end
        end
        return false
    end

    -- Why a run whose stage has come is not to start: fields for its end; nil: it may.
    local function why_not(batch, id, aborted)
        if batch.cancel > 0 then
            return {'cancel', batch.cancel, 'cancel_by', batch.cancel_by}
        elseif aborted then
            return {'error_message', 'A run of an earlier execution group failed'}
        elseif dependency_failed(batch, id) then
            return {'error_message', 'A run that it depends on failed'}
        end
        return nil
    end

    local function begin_run(batch, run, aborted)
        local reason = why_not(batch, run.id, aborted)
        if reason then
            move(run.id, 'delayed', 'cancel', 'cancelled')
            end_one(run, 'cancelled', unpack(reason))
            count_run(batch, run, 'cancelled')
            return
        end
        move(run.id, 'delayed', 'promote', 'queued')
        redis.call('ZREM', K('delayed'), run.id)
        requeue(run)
    end

    local function begin_stage(batch)
        local later = K('batch_later:' .. batch.id)
        local aborted = batch.abort and batch.stage_failed > 0
        batch.stage = batch.stage + 1
        local ids = redis.call('ZRANGE', later, batch.stage, batch.stage, 'BYSCORE')
        redis.call('ZREMRANGEBYSCORE', later, batch.stage, batch.stage)
        batch.stage_left = #ids
        for _, id in ipairs(ids) do
            local run = run_load(id)
            if run and run.status == 'delayed' then
                begin_run(batch, run, aborted)
            elseif not run or redis.call('HGET', K('run:' .. id), 'counted') then
                batch.stage_left = batch.stage_left - 1
                batch.stage_failed = batch.stage_failed +
                                     (run and is_good(run.status) and 0 or 1)
            end
        end
    end

    local function outcome(batch)
        if batch.cancel > 0 then
            return 'cancelled'
        elseif batch.failed == 0 then
            return 'success'
        end
        return batch.ok == 0 and 'failed' or 'partial'
    end

    -- Goes on from what was counted: to the next stage that has something to do, to the
    -- end.
    local function batch_settle(batch)
        while batch.stage_left == 0 and batch.stage + 1 < batch.stages do
            begin_stage(batch)
        end
        redis.call('HSET', K('batch:' .. batch.id), 'outstanding', batch.outstanding,
                   'ok', batch.ok, 'failed', batch.failed, 'stage', batch.stage,
                   'stage_left', batch.stage_left, 'stage_failed', batch.stage_failed)
        if batch.outstanding == 0 then
            batch_end(batch.id, outcome(batch))
        end
    end

    -- The resolve run ended, and no expand made it end.
    local function unresolved(batch, run, status)
        if status == 'cancelled' then
            batch_end(batch.id, 'cancelled')
            return
        end
        local why = redis.call('HMGET', K('run:' .. run.id), 'error_code',
                               'error_message')
        batch_end(batch.id, 'error', 'error_code', why[1] or '', 'error_message',
                  why[2] or '')
    end

    -- A run of the batch has ended (or become an orphan).
    local function batch_hears(run, status)
        local batch = batch_load(run.batch)
        if not batch then
            return
        end
        if batch_ended(batch.status) then
            -- An orphan has been settled: what is shown of it has changed, no count has.
            redis.call('HSET', K('batch:' .. batch.id), 'version',
                       event(batch.id, batch.status))
            return
        end
        if run.kind ~= 'resolve' then
            count_run(batch, run, status)
            batch_settle(batch)
        elseif status ~= 'clean' then
            unresolved(batch, run, status)
        end
    end

    return {hears = batch_hears, count = count_run, settle = batch_settle,
            unresolved = unresolved}
end
