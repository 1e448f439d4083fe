#!lua flags=no-writes,allow-oom
-- Writes nothing. The schedules of a workspace, oldest first: of each its id and the
-- fields asked for.
-- ARGV: scope, fields.
--@include schedule
check(#ARGV > 1 and #ARGV[1] > 0, 'schedule_list')
local fields, list = {unpack(ARGV, 2)}, {}
for _, id in ipairs(redis.call('ZRANGE', K('schedules:' .. ARGV[1]), 0, -1)) do
    list[#list + 1] = schedule_show(id, fields)
end
return list
