#!lua
-- Live output of a held run, each piece once: an entry's id is its attempt and offset.
-- What the runner writes of an attempt is bounded in bytes, so that the length here only
-- has to bound what small entries cost. A new attempt ends what was kept of those before
-- the last one.
--@include run
local id, attempt, offset = ARGV[1], whole(ARGV[4], 'attempt'), whole(ARGV[5], 'offset')
check(#ARGV == 6 and attempt > 0 and offset >= 0 and #ARGV[6] <= 16384, 'log_append')

local run = run_load(id)
if not held_by(run, ARGV[2], ARGV[3]) or
    (run.status ~= 'running' and run.status ~= 'orphaned') then
    return 'gone'
end
if offset == 0 then
    redis.call('XTRIM', K('log:' .. id), 'MINID', attempt - 1 .. '-0')
end
local function append(at, bytes)
    return redis.pcall('XADD', K('log:' .. id), 'MAXLEN', '~', '40000', attempt .. '-' .. at,
                       'attempt', attempt, 'offset', at, 'bytes', bytes)
end
local added = append(offset, ARGV[6])
if type(added) ~= 'table' or not added.err then
    return 'done'
end
if not string.find(added.err, 'equal or smaller', 1, true) then
    return added
end

-- Sent again, maybe by a worker that cuts its pieces elsewhere: what is new of it.
local last = redis.call('XREVRANGE', K('log:' .. id), '+', '-', 'COUNT', '1')[1]
local last_attempt, last_offset = string.match(last and last[1] or '', '^(%d+)-(%d+)$')
if tonumber(last_attempt) == attempt then
    local known = tonumber(last_offset) + #last[2][6] - offset
    if known > 0 and known < #ARGV[6] then
        append(offset + known, string.sub(ARGV[6], known + 1))
    end
end
return 'done'
