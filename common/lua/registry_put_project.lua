#!lua flags=allow-oom
-- A project is in `projects` exactly when project:<key> exists. Its revision moves with
-- every change, and only then: what is already stored is no change.
--@include registry
local key, id, json = ARGV[1], ARGV[2], ARGV[3]
check(#ARGV == 3 and #key > 0 and #id > 0 and in_limits(json), 'registry_put_project')

local project = K('project:' .. key)
local before = redis.call('HGET', project, 'json')
if before == json then
    return {'updated'}
end
redis.call('HSET', project, 'id', id, 'json', json)
touch_project(project)
if before then
    return {'updated'}
end
redis.call('HSET', project, 'created', NOW)
redis.call('ZADD', K('projects'), NOW, key)
return {'created'}
