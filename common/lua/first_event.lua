#!lua flags=no-writes,allow-oom
-- Writes nothing. The id of the oldest event that is still there, or "".
--@include prelude
check(#ARGV == 0, 'first_event')
local first = redis.call('XRANGE', K('events'), '-', '+', 'COUNT', 1)[1]
return first and first[1] or ''
