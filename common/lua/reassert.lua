#!lua flags=allow-oom
-- After a Redis that lost its last seconds, or a run that became an orphan while its
-- worker was cut off: the worker that is applying holds the run again, marked, with its
-- target active. Never when another has the target, or when this hold was given back.
--@include run_end
local id, fence, nonce = ARGV[1], ARGV[2], ARGV[3]
local worker, lease_ms = ARGV[4], whole(ARGV[5], 'lease')
check(#ARGV == 5 and #id > 0 and #fence > 0 and #nonce > 0 and #worker > 0, 'reassert')

local run = run_load(id)
if not run or (run.kind ~= 'apply' and run.kind ~= 'reconcile') then
    return 'gone'
end
local held = held_by(run, fence, nonce)
local waits = run.status == 'queued' or run.status == 'delayed'
local holder = redis.call('HGET', K('active'), run.target)
if holder and holder ~= id then
    return 'gone'
end
if held == waits or not (waits or run.status == 'running' or run.status == 'orphaned') then
    return 'gone'
end

if run.status ~= 'running' then
    move(id, run.status, 'reassert', 'running')
end
if run.status == 'queued' then
    leave_waiting(run)
elseif run.status == 'delayed' then
    redis.call('ZREM', K('delayed'), id)
elseif run.status == 'orphaned' then
    redis.call('ZREM', K('orphans'), id)
    redis.call('ZREM', K('ended'), id)
    redis.call('HDEL', K('run:' .. id), 'ended', 'error_code', 'error_message')
end
if run.status ~= 'running' or not run.marked then
    redis.call('HSET', K('run:' .. id), 'status', 'running', 'fence', fence, 'nonce',
               nonce, 'worker', worker, 'marked', 1, 'version', event(id, 'running'))
    if waits then
        redis.call('HSET', K('run:' .. id), 'started', NOW, 'attempts', run.attempts + 1)
    end
end
redis.call('HSET', K('active'), run.target, id)
refresh_ready(run.target)
redis.call('ZADD', K('leases'), NOW + lease_ms, id)
redis.call('ZREM', K('suspects'), id)
return 'done'
