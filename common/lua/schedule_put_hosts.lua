#!lua flags=allow-oom
-- What the schedulers know of the apis' settings is what an api said last.
-- ARGV: the hosts of the types of repositories, in the order of schedule_due; "": none.
--@include prelude
local FIELDS = {'host_Github', 'host_Gitlab', 'host_Git'}
check(#ARGV == #FIELDS, 'schedule_put_hosts')
for i, field in ipairs(FIELDS) do
    if ARGV[i] == '' then
        redis.call('HDEL', K('meta'), field)
    else
        redis.call('HSET', K('meta'), field, ARGV[i])
    end
end
return 'done'
