#!lua flags=allow-oom
-- A worker that drains gives a run back: it waits again in its old place and no crash is
-- counted; one that somebody cancels ends. Never a marked one.
--@include run_end
local id, fence, nonce = ARGV[1], ARGV[2], ARGV[3]
check(#ARGV == 3 and #id > 0, 'release')

local run = run_load(id)
if not held_by(run, fence, nonce) then
    return 'gone'
end
if run.status == 'queued' or (run.status == 'cancelled' and run.cancel > 0) then
    return 'done'
end
if run.status ~= 'running' or run.marked then
    return 'gone'
end
if run.cancel > 0 then
    move(id, 'running', 'release', 'cancelled')
    run_end(run, 'cancelled')
    return 'done'
end
move(id, 'running', 'release', 'queued')
requeue(run)
let_go(run)
return 'done'
