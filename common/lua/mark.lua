#!lua flags=allow-oom
-- An apply begins only after a mark, and a mark is given only to the holder of a running
-- run whose lease lives, while nobody cancels it and nothing is frozen. Asked again it
-- looks again: 'done' is always true now. Why it was frozen stays in the run, for its end.
--@include run
--@include freeze
local id, fence, nonce = ARGV[1], ARGV[2], ARGV[3]
check(#ARGV == 3 and #id > 0, 'mark')

local run = run_load(id)
if not held_by(run, fence, nonce) or run.status ~= 'running' then
    return 'gone'
end
check(run.kind == 'apply' or run.kind == 'reconcile', 'a run of kind ' .. run.kind)
local deadline = tonumber(redis.call('ZSCORE', K('leases'), id) or 0)
if deadline <= NOW then
    return 'gone'
end
if run.cancel > 0 then
    return 'cancelled'
end
local frozen = why_frozen()
if frozen then
    redis.call('HSET', K('run:' .. id), 'frozen_reason', frozen)
    return 'frozen'
end
if not run.marked then
    redis.call('HSET', K('run:' .. id), 'marked', 1, 'version', event(id, 'running'))
end
return 'done'
