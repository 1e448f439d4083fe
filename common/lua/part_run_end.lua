--@include end_one
--@include batch_count
-- Everything that ends a run goes through here.

-- What people may be told of, by kind and status. A drift check that somebody stopped, or
-- an apply that came to its end, is no news.
local TOLD = '|drift_check clean|drift_check drift_detected|drift_check error|' ..
             'reconcile applied|reconcile clean|reconcile error|' ..
             'apply orphaned|reconcile orphaned|'

-- Ends a run (or makes it an orphan, which others see as an end) and records that once.
-- `...` are more fields of the run and their values. The caller has checked the move.
local function run_end(run, status, ...)
    end_one(run, status, ...)
    if run.batch then
        batch_counting().hears(run, status)
    end
    if string.find(TOLD, '|' .. run.kind .. ' ' .. status .. '|', 1, true) then
        redis.call('RPUSH', K('outbox'), run.id .. ' ' .. status)
    end
end
