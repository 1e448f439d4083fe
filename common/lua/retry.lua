#!lua flags=allow-oom
-- A run whose infrastructure failed waits and starts anew, three times at most; one that
-- met a state lock as often as fits into half an hour. Never a marked one. It keeps its
-- place in the FIFO.
-- ARGV: run, fence, nonce, reason, message, retries at most, first pause ms, time for a
-- state lock ms.
--@include run_end
local id, fence, nonce, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local retries_max = whole(ARGV[6], 'limit')
local pause_ms, lock_ms = whole(ARGV[7], 'pause'), whole(ARGV[8], 'lock time')
check(#ARGV == 8 and #ARGV[5] <= 4096, 'retry')
check(reason == 'infrastructure' or reason == 'state_locked', 'reason')

local run = run_load(id)
if not held_by(run, fence, nonce) then
    return 'gone'
end
if run.status == 'delayed' or run.status == 'queued' then
    return 'done'
end
if run.status ~= 'running' or run.marked then
    return 'gone'
end
if run.cancel > 0 then
    return 'cancelled'
end

local before = redis.call('HMGET', K('run:' .. id), 'retries', 'lock_since')
local retries, lock_since = tonumber(before[1] or 0), tonumber(before[2] or 0)
if reason == 'infrastructure' then
    if retries >= retries_max then
        return 'exhausted'
    end
    pause_ms = pause_ms * 2 ^ retries
    retries = retries + 1
else
    lock_since = lock_since > 0 and lock_since or NOW
    if NOW - lock_since >= lock_ms then
        return 'exhausted'
    end
end

-- ± 20 %, from the run's own id and attempt: the same for a replica of this script.
local spread = tonumber(string.sub(redis.sha1hex(id .. run.attempts), 1, 4), 16) / 65535
local due = NOW + math.floor(pause_ms * (0.8 + 0.4 * spread))

move(id, 'running', 'retry', 'delayed')
redis.call('HSET', K('run:' .. id), 'status', 'delayed', 'retries', retries, 'lock_since',
           lock_since, 'due', due, 'started', 0, 'retry_message', ARGV[5], 'version',
           event(id, 'delayed'))
redis.call('ZADD', K('delayed'), due, id)
let_go(run)
return 'done'
