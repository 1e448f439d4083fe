#!lua flags=allow-oom
-- A project goes only when it has no workspaces left. Its hooks go with it.
--@include registry
--@include hook
local key = ARGV[1]
check(#ARGV == 1 and #key > 0, 'registry_delete_project')

if redis.call('EXISTS', K('workspaces:' .. key)) == 1 then
    return {'busy'}
end
track_project(key, '')
redis.call('ZREM', K('projects'), key)
hooks_forget_all(key)
return {redis.call('DEL', K('project:' .. key)) == 1 and 'done' or 'unknown'}
