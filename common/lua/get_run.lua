#!lua flags=no-writes,allow-oom
-- Writes nothing. The fields of a run that are asked for, then its specification.
-- ARGV: run, fields.
--@include prelude
check(#ARGV > 1, 'get_run')
local fields = redis.call('HMGET', K('run:' .. ARGV[1]), unpack(ARGV, 2))
fields[#fields + 1] = redis.call('GET', K('spec:' .. ARGV[1]))
return fields
