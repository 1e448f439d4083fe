#!lua
-- A hook is created once, and replaced only by whoever has read its newest version. A
-- secret that is replaced still signs for a while.
-- ARGV: id, version (0: create), kind, does it digest (0, 1), url, events, project,
-- workspace, owner, secret, enabled (0, 1), how long an old secret signs ms, hooks at
-- most.
--@include hook
local id, version, owner, secret = ARGV[1], whole(ARGV[2], 'version'), ARGV[9], ARGV[10]
local enabled = ARGV[11]
local rotation_ms, hooks_max = whole(ARGV[12], 'time'), whole(ARGV[13], 'limit')
check(#ARGV == 13 and #id > 0 and #ARGV[3] > 0 and #ARGV[5] > 0, 'hook_put')

local key = K('hook:' .. id)
local given = {kind = ARGV[3], digests = ARGV[4], url = ARGV[5], events = ARGV[6],
               project = ARGV[7], workspace = ARGV[8], owner = owner, secret = secret,
               enabled = enabled}

local function is_as_given()
    for field, value in pairs(given) do
        if redis.call('HGET', key, field) ~= value then
            return false
        end
    end
    return true
end

local function write(...)
    for field, value in pairs(given) do
        redis.call('HSET', key, field, value)
    end
    redis.call('HSET', key, 'version', version + 1, 'updated', NOW, ...)
    if owner ~= '' then
        redis.call('SADD', K('hooks:' .. owner), id)
    end
    hooks_changed()
end

local function create()
    if redis.call('ZCARD', K('hooks')) >= hooks_max then
        return {'full'}
    end
    redis.call('ZADD', K('hooks'), NOW, id)
    write('old_secret', '', 'old_until', 0, 'reason', '', 'created', NOW)
    return {'created', hook_row(id)}
end

local function replace(old)
    local old_secret, old_until, reason = old[3], old[4], old[5]
    if old[2] ~= secret and old[2] ~= '' then
        old_secret, old_until = old[2], NOW + rotation_ms
    end
    hook_leave_owner(id, old[6])
    if old[7] ~= given.url then
        -- Who asked for a pause, or did not answer, is not asked any more.
        redis.call('HDEL', K('gather:' .. id), 'next', 'silent')
    end
    write('old_secret', old_secret, 'old_until', old_until, 'reason',
          enabled == '1' and '' or reason)
    -- What waits is sent, or given up, from now on.
    if redis.call('EXISTS', K('pending:' .. id)) == 1 then
        redis.call('ZADD', K('hooks_due'), NOW, id)
    end
    return {'updated', hook_row(id)}
end

local old = redis.call('HMGET', key, 'version', 'secret', 'old_secret', 'old_until',
                       'reason', 'owner', 'url')
if version == 0 then
    return old[1] and {'created', hook_row(id)} or create()
elseif not old[1] then
    return {'unknown'}
elseif tonumber(old[1]) == version + 1 and is_as_given() then
    return {'updated', hook_row(id)} -- sent again
elseif tonumber(old[1]) ~= version then
    return {'changed'}
end
return replace(old)
