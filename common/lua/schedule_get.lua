#!lua flags=no-writes,allow-oom
-- Writes nothing. The server's time and a schedule: its id and the fields asked for, or
-- nil.
-- ARGV: schedule, fields.
--@include schedule
check(#ARGV > 1 and #ARGV[1] > 0, 'schedule_get')
return {NOW, schedule_show(ARGV[1], {unpack(ARGV, 2)}) or false}
