#!lua flags=allow-oom
-- A waiting run that is cancelled never starts; a running one is asked to stop, and its
-- level only rises. Nothing else changes. Sent again with the same nonce: same answer.
--@include cancel
local id, level, by, nonce = ARGV[1], whole(ARGV[2], 'level'), ARGV[3], ARGV[4]
check(#ARGV == 4 and #id > 0 and #nonce > 0 and (level == 1 or level == 2), 'cancel')

local run = run_load(id)
if not run then
    return 'unknown'
end
local outcome = cancel_run(run, level, by)
if outcome == 'done' then
    redis.call('HSET', K('run:' .. id), 'cancel_nonce', nonce)
elseif outcome == 'ended' and
    redis.call('HGET', K('run:' .. id), 'cancel_nonce') == nonce then
    return 'done'
end
return outcome
