#!lua flags=allow-oom
-- A delayed run whose time has come waits again, in its old place in the FIFO. At most 100
-- a call; the answer is how many.
--@include run_end
check(#ARGV == 0, 'promote')
local due = redis.call('ZRANGE', K('delayed'), '-inf', NOW, 'BYSCORE', 'LIMIT', 0, 100)
for _, id in ipairs(due) do
    redis.call('ZREM', K('delayed'), id)
    local run = run_load(id)
    if run and run.status == 'delayed' then
        move(id, 'delayed', 'promote', 'queued')
        requeue(run)
    end
end
return #due
