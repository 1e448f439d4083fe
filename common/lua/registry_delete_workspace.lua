#!lua flags=allow-oom
-- A workspace goes only when none of its runs waits or is active; forced, they are
-- cancelled in the same step. Its schedules, its hooks, its ignore rules and what was told
-- about it go with it. The revision of its project moves, so that no run is made from what was read before.
-- At most 100 waiting runs are looked at: with more of them it stays, the answer is busy,
-- and the caller asks again.
--@include cancel
--@include ignores
--@include schedule
--@include hook
local key, workspace_id, target, scope = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local force = ARGV[5] == '1'
check(#ARGV == 5 and #key > 0 and #workspace_id > 0 and #target > 0 and #scope > 0,
      'registry_delete_workspace')
local RUNS_MAX = 100

-- The target's runs are found by its queue; a delayed run, or one of the target that the
-- workspace had before it was changed, by the scope's history.
local function live_runs()
    local ids = redis.call('ZRANGE', K('q:' .. target), 0, RUNS_MAX - 1)
    ids[#ids + 1] = redis.call('HGET', K('active'), target) or nil
    for _, id in ipairs(redis.call('ZRANGE', K('runs:' .. scope), 0, RUNS_MAX - 1, 'REV')) do
        ids[#ids + 1] = id
    end
    local live, seen = {}, {}
    for _, id in ipairs(ids) do
        local run = not seen[id] and run_load(id)
        seen[id] = true
        if run and run.scope == scope and
            (run.status == 'queued' or run.status == 'delayed' or
             run.status == 'running' or run.status == 'orphaned') then
            live[#live + 1] = run
        end
    end
    return live
end

local function busy(runs)
    local answer = {'busy'}
    for _, run in ipairs(runs) do
        answer[#answer + 1] = run.id
    end
    return answer
end

-- The runs that still wait afterwards. A running one has been told; an orphan keeps its
-- target until a person resolves it, with or without the workspace.
local function cancel_all(runs)
    for _, run in ipairs(runs) do
        cancel_run(run, 1, 'workspace deleted')
    end
    local waiting = {}
    for _, run in ipairs(live_runs()) do
        if run.status == 'queued' or run.status == 'delayed' then
            waiting[#waiting + 1] = run
        end
    end
    return waiting
end

if redis.call('HEXISTS', K('workspaces:' .. key), workspace_id) == 0 then
    return {'unknown'}
end
local runs = live_runs()
if force then
    runs = cancel_all(runs)
end
if #runs > 0 then
    return busy(runs)
end
redis.call('HDEL', K('workspaces:' .. key), workspace_id)
ignores_forget_all(scope)
redis.call('DEL', K('last:' .. scope), K('told:' .. scope))
redis.call('ZREM', K('reminders'), scope)
schedules_forget_all(scope)
hooks_forget_all(scope)
touch_project(K('project:' .. key))
return {'done'}
