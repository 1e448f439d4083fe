#!lua flags=no-writes,allow-oom
-- Writes nothing. The schedules that are due, the longest due first, and when the next one
-- after them is.
-- ARGV: limit, fields. The answer: now, paused (0, 1), next due (0: none), the hosts, how
-- many have a next tick, then of each that is due its id and fields.
--@include schedule_due
local limit = whole(ARGV[1], 'limit')
check(#ARGV > 1 and limit > 0 and limit <= 100, 'schedule_due')
return due_piece(0, limit, NOW, {unpack(ARGV, 2)})
