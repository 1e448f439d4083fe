#!lua
-- One event for one hook, at once and in no digest. Sent again it is the same delivery.
-- ARGV: limits, hook, event, delivery, type, JSON.
--@include outbox
local A = LIMITS
local hook, event, id = ARGV[A + 1], ARGV[A + 2], ARGV[A + 3]
check(#ARGV == A + 5 and #hook > 0 and #event > 0 and #id > 0 and #ARGV[A + 5] <= 32768,
      'outbox_send')

local enabled = redis.call('HGET', K('hook:' .. hook), 'enabled')
if not enabled then
    return 'unknown'
end
if redis.call('EXISTS', K('delivery:' .. id)) == 1 then
    return 'done'
end
if enabled ~= '1' or redis.call('ZCARD', K('waiting:' .. hook)) >= WAITING_MAX then
    return 'busy'
end
event_keep(event, ARGV[A + 5])
deliver(hook, id, event, ARGV[A + 4], '', true)
plan_look_at_more(hook, hook_digests(hook))
return 'done'
