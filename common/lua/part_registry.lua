--@include prelude
-- What every change of the registry does.

-- A document as large as what is made of it may be (see REGISTRY_JSON_BYTES_MAX).
local function in_limits(json)
    return #json > 0 and #json <= 32768
end

-- Comes from one counter for everything that has a revision, so that what was deleted and
-- made again never shows a revision that somebody still remembers.
local function next_revision()
    return redis.call('HINCRBY', K('meta'), 'revision', 1)
end

-- Marks a project as changed, itself or one of its workspaces.
local function touch_project(project)
    redis.call('HSET', project, 'revision', next_revision(), 'updated', NOW)
end

-- Puts a project under what it tracks ('': nothing), and takes it from where it was.
local function track_project(key, tracked)
    local project = K('project:' .. key)
    local before = redis.call('HGET', project, 'tracked') or ''
    if before == tracked then
        return
    end
    if before ~= '' then
        redis.call('ZREM', K('tracked:' .. before), key)
    end
    if tracked ~= '' then
        redis.call('ZADD', K('tracked:' .. tracked), 0, key)
        redis.call('HSET', project, 'tracked', tracked)
    else
        redis.call('HDEL', project, 'tracked')
    end
end
