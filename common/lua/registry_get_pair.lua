#!lua flags=no-writes
-- A project and one of its workspaces as they are at one moment.
--@include prelude
local key, workspace_id = ARGV[1], ARGV[2]
check(#ARGV == 2 and #key > 0, 'registry_get_pair')

local pair = redis.call('HMGET', K('project:' .. key), 'id', 'json', 'revision', 'created',
                        'updated')
pair[6] = redis.call('HGET', K('workspaces:' .. key), workspace_id)
return pair
