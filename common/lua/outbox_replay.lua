#!lua
-- A delivery that has ended waits again, as if it were new, and alone. Sent again with its
-- nonce it is the same replay.
-- ARGV: limits, hook, delivery, nonce.
--@include outbox
local A = LIMITS
local hook, id, nonce = ARGV[A + 1], ARGV[A + 2], ARGV[A + 3]
check(#ARGV == A + 3 and #hook > 0 and #id > 0 and #nonce > 0, 'outbox_replay')

local key = K('delivery:' .. id)
local v = redis.call('HMGET', key, 'hook', 'event', 'state', 'replay')
local enabled = redis.call('HGET', K('hook:' .. hook), 'enabled')
if v[1] ~= hook or not enabled then
    return 'unknown'
elseif v[4] == nonce then
    return 'done'
elseif redis.call('EXISTS', K('event:' .. v[2])) == 0 then
    return 'unknown'
elseif v[3] == 'waiting' or enabled ~= '1' or
    redis.call('ZCARD', K('waiting:' .. hook)) >= WAITING_MAX then
    return 'busy'
end
redis.call('HSET', key, 'state', 'waiting', 'attempts', 0, 'ended', 0, 'nonce', '',
           'alone', 1, 'replay', nonce)
redis.call('PEXPIRE', key, KEEP_MS)
redis.call('PEXPIRE', K('event:' .. v[2]), KEEP_MS)
redis.call('ZADD', K('waiting:' .. hook), NOW, id)
delivery_wait(hook, id, URGENT)
plan_look_at_more(hook, hook_digests(hook))
return 'done'
