--@include prelude
-- A project's fields and one of its workspaces as they are at one moment.
local function registry_pair(key, workspace_id)
    local pair = redis.call('HMGET', K('project:' .. key), 'id', 'json', 'revision',
                            'created', 'updated')
    pair[6] = redis.call('HGET', K('workspaces:' .. key), workspace_id)
    return pair
end
