--@include prelude
-- Hooks as the scripts see them; see hook_store.h.
local function hooks_revision()
    return redis.call('HGET', K('meta'), 'hooks_revision') or '0'
end

-- Whoever keeps a copy of the hooks reads them again.
local function hooks_changed()
    redis.call('HINCRBY', K('meta'), 'hooks_revision', 1)
end

-- A hook's id and fields in the order of hook_fields in hook_store.c; without fields when
-- it is not stored.
local function hook_row(id)
    return {id, unpack(redis.call('HMGET', K('hook:' .. id), 'version', 'kind', 'url',
                                  'events', 'project', 'workspace', 'secret',
                                  'old_secret', 'old_until', 'enabled', 'reason',
                                  'created', 'updated'))}
end

-- Those of a project, or of a workspace, are found by its key: `owner`, or ''.
local function hook_leave_owner(id, owner)
    if owner ~= '' then
        redis.call('SREM', K('hooks:' .. owner), id)
    end
end

-- A hook goes with what waits to be sent to it. Its deliveries are found by nobody from
-- then on, and expire.
local function hook_forget(id)
    local owner = redis.call('HGET', K('hook:' .. id), 'owner')
    if not owner then
        return false
    end
    hook_leave_owner(id, owner)
    redis.call('UNLINK', K('hook:' .. id), K('deliveries:' .. id), K('waiting:' .. id),
               K('pending:' .. id), K('flying:' .. id), K('gather:' .. id))
    redis.call('ZREM', K('hooks'), id)
    redis.call('ZREM', K('hooks_due'), id)
    hooks_changed()
    return true
end

-- For whoever deletes a project or a workspace.
local function hooks_forget_all(owner)
    for _, id in ipairs(redis.call('SMEMBERS', K('hooks:' .. owner))) do
        hook_forget(id)
    end
end
