#!lua flags=allow-oom
-- A project is in `projects` exactly when project:<key> exists. Its revision moves with
-- every change, and only then: what is already stored is no change. It is in
-- tracked:<id> exactly for the id in its field `tracked`.
-- ARGV: key, id, JSON, the id of what it tracks or ''.
--@include registry
local key, id, json = ARGV[1], ARGV[2], ARGV[3]
check(#ARGV == 4 and #key > 0 and #id > 0 and in_limits(json), 'registry_put_project')

local project = K('project:' .. key)
local before = redis.call('HGET', project, 'json')
if before == json then
    track_project(key, ARGV[4]) -- one that was stored before there was an index
    return {'updated'}
end
redis.call('HSET', project, 'id', id, 'json', json)
touch_project(project)
track_project(key, ARGV[4])
if before then
    return {'updated'}
end
redis.call('HSET', project, 'created', NOW)
redis.call('ZADD', K('projects'), NOW, key)
return {'created'}
