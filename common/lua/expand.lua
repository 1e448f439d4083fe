#!lua flags=allow-oom
-- The end of a resolve run that found its projects: the batch gets its runs, once. Who no
-- longer holds the run, or is to stop, makes none.
-- ARGV: run, fence, nonce, commit, abort (0, 1), then runs (see part_batch_runs.lua).
--@include batch_runs
--@include run_end
local id, fence, nonce, commit, abort = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
check(#ARGV >= 5 and #id > 0 and (abort == '0' or abort == '1'), 'expand')
local runs, stages = read_runs(6)

local run = run_load(id)
if not held_by(run, fence, nonce) then
    return 'gone'
end
check(run.kind == 'resolve', 'a run of kind ' .. run.kind)
if run.status ~= 'running' then
    return run.status == 'clean' and 'done' or 'gone'
end
local batch = K('batch:' .. run.batch)
if run.cancel > 0 then
    return 'cancelled'
elseif redis.call('HGET', batch, 'status') ~= 'running' then
    return 'gone'
end
move(id, 'running', 'finish', 'clean')

local v = redis.call('HMGET', batch, 'trigger', 'priority', 'locked_by')
redis.call('HSET', batch, 'commit', commit, 'abort', abort)
batch_fill(run.batch, runs, stages, v[1], v[2], v[3])
run_end(run, 'clean', 'commit', commit)
if #runs == 0 then
    batch_counting().settle(batch_load(run.batch))
else
    batch_tell(run.batch, 'running')
end
return 'done'
