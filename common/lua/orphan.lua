#!lua flags=allow-oom
-- The holder of a marked apply says that its runner died and its terraform has ended: the
-- run keeps its target locked until a person has looked.
-- ARGV: run, fence, nonce, what it says ('': nothing more is known).
--@include run_end
local id, fence, nonce = ARGV[1], ARGV[2], ARGV[3]
local message = ARGV[4]
check(#ARGV == 4 and #id > 0 and #message <= 4096, 'orphan')

local run = run_load(id)
if not held_by(run, fence, nonce) then
    return 'gone'
end
if run.status == 'orphaned' then
    return 'done'
end
if run.status ~= 'running' or not run.marked then
    return 'gone'
end
move(id, 'running', 'orphan', 'orphaned')
if message == '' then
    message = 'The runner died while it applied; look at what it did, then resolve'
end
run_end(run, 'orphaned', 'error_code', 'INTERRUPTED', 'error_message', message)
return 'done'
