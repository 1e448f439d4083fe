#!lua
-- A schedule is made of a workspace that is there, once, or replaced as it was read:
-- nobody has put it and no tick was fired since. Its number and its place in the
-- workspace's list never change.
-- ARGV: schedule, version it was read with (0: it is new), its tick then, scope, key of
-- the project, project, workspace, type, missed, cron, zone, label, jitter s, enabled
-- (0, 1), next tick (0: none), then the fields that are answered.
--@include schedule
local id, version, scope, pkey = ARGV[1], whole(ARGV[2], 'version'), ARGV[4], ARGV[5]
local jitter, tick = whole(ARGV[13], 'jitter'), whole(ARGV[15], 'tick')
local SCHEDULES_MAX = 100
check(#ARGV > 15 and #id > 0 and #scope > 0 and #pkey > 0, 'schedule_put')
check(version >= 0 and jitter >= 0 and tick >= 0, 'schedule_put')
check(ARGV[14] == '1' or (ARGV[14] == '0' and tick == 0), 'enabled')
whole(ARGV[3], 'tick')

local key = K('schedule:' .. id)

local function answer(word)
    return {word, schedule_show(id, {unpack(ARGV, 16)})}
end

-- What a user sets, and what follows from it.
local function write(number, ...)
    schedule_set_tick(id, tick, number, jitter, 'type', ARGV[8], 'missed', ARGV[9],
                      'cron', ARGV[10], 'zone', ARGV[11], 'label', ARGV[12], 'jitter',
                      ARGV[13], 'enabled', ARGV[14], 'version', digits(version + 1),
                      'updated', digits(NOW), ...)
end

local before = redis.call('HMGET', key, 'version', 'tick', 'spread')
if version > 0 then
    if not before[1] then
        return {'unknown'}
    elseif before[1] ~= ARGV[2] or before[2] ~= ARGV[3] then
        return {'changed'}
    end
    write(tonumber(before[3]))
    return answer('updated')
end
if before[1] then
    return answer('created')
end
if redis.call('HEXISTS', K('workspaces:' .. pkey), ARGV[7]) == 0 then
    return {'unknown'}
end
if redis.call('ZCARD', K('schedules:' .. scope)) >= SCHEDULES_MAX then
    return {'full'}
end
local spread = redis.call('HINCRBY', K('meta'), 'schedule_spread', 1)
write(spread, 'project', ARGV[6], 'workspace', ARGV[7], 'spread', digits(spread), 'last',
      '0', 'created', digits(NOW))
redis.call('ZADD', K('schedules:' .. scope), digits(NOW), id)
return answer('created')
