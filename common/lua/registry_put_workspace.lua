#!lua flags=allow-oom
-- A workspace belongs to a project that exists, and changing it moves that project's
-- revision.
--@include registry
local key, workspace_id, json = ARGV[1], ARGV[2], ARGV[3]
check(#ARGV == 3 and #key > 0 and #workspace_id > 0 and in_limits(json),
      'registry_put_workspace')

local project = K('project:' .. key)
if redis.call('EXISTS', project) == 0 then
    return {'unknown'}
end
local workspaces = K('workspaces:' .. key)
local before = redis.call('HGET', workspaces, workspace_id)
if before == json then
    return {'updated'}
end
redis.call('HSET', workspaces, workspace_id, json)
touch_project(project)
return {before and 'updated' or 'created'}
