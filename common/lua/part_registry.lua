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
