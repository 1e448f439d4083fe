#!lua
-- Live output of a held run, each piece once: an entry's id is its attempt and offset.
--@include run
local id, attempt, offset = ARGV[1], whole(ARGV[4], 'attempt'), whole(ARGV[5], 'offset')
check(#ARGV == 6 and attempt > 0 and offset >= 0 and #ARGV[6] <= 16384, 'log_append')

local run = run_load(id)
if not held_by(run, ARGV[2], ARGV[3]) or
    (run.status ~= 'running' and run.status ~= 'orphaned') then
    return 'gone'
end
local added = redis.pcall('XADD', K('log:' .. id), 'MAXLEN', '~', '1000',
                          ARGV[4] .. '-' .. ARGV[5], 'attempt', ARGV[4], 'offset', ARGV[5],
                          'bytes', ARGV[6])
if type(added) == 'table' and added.err and
    not string.find(added.err, 'equal or smaller', 1, true) then
    return added
end
return 'done'
