#!lua flags=no-writes,allow-oom
-- Writes nothing. The schedules that are due, the longest due first, and when the next one
-- after them is.
-- ARGV: how many are passed over, limit, fields. The answer: now, paused (0, 1), next due
-- (0: none), the hosts, how many have a next tick, then of each that is due its id and
-- fields.
--@include schedule_due
local from, limit = whole(ARGV[1], 'from'), whole(ARGV[2], 'limit')
check(#ARGV > 2 and from >= 0 and limit > 0 and limit <= 100, 'schedule_due')
return due_piece(from, limit, NOW, {unpack(ARGV, 3)})
