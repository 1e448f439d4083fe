#!lua flags=no-writes,allow-oom
-- Writes nothing. The fields of a batch that are asked for, then the ids of its runs.
-- ARGV: batch, fields.
--@include prelude
check(#ARGV > 1, 'get_batch')
local fields = redis.call('HMGET', K('batch:' .. ARGV[1]), unpack(ARGV, 2))
fields[#fields + 1] = redis.call('LRANGE', K('batch_runs:' .. ARGV[1]), 0, -1)
return fields
