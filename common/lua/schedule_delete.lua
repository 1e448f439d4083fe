#!lua flags=allow-oom
-- A schedule goes with every trace of it. Its runs stay.
-- ARGV: schedule, scope of its workspace.
--@include schedule
check(#ARGV == 2 and #ARGV[1] > 0 and #ARGV[2] > 0, 'schedule_delete')
if not redis.call('ZSCORE', K('schedules:' .. ARGV[2]), ARGV[1]) then
    return 'unknown'
end
schedule_forget(ARGV[1], ARGV[2])
return 'deleted'
