#!lua flags=allow-oom
-- A person turns a switch of the queue, or says again how it stands, with another reason.
-- Sent again it changes nothing.
-- ARGV: the switch, on (0, 1), reason, who.
--@include prelude
local name, on, reason, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
check(#ARGV == 4 and (name == 'paused' or name == 'frozen'), 'switch')
check((on == '0' or on == '1') and #reason <= 4096, 'its state or reason')

local meta = K('meta')
if (redis.call('HGET', meta, name) or '0') ~= on then
    redis.call('HSET', meta, name .. '_at', digits(NOW))
end
redis.call('HSET', meta, name, on, name .. '_reason', reason, name .. '_by', by)
return redis.call('HMGET', meta, name, name .. '_reason', name .. '_by', name .. '_at')
