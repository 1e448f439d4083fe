--@include new_run
--@include batch
-- The runs that a batch is made of, from the arguments, for `batch_open` and `expand`.
local RUN_ARGS, RUNS_MAX = 11, 500

-- Every stage up to the last has a run, and dependencies are of stages before.
local function check_stages(runs)
    local stages, seen = 0, {}
    for _, run in ipairs(runs) do
        check(run.stage >= 0, 'stage')
        stages = math.max(stages, run.stage + 1)
        seen[run.stage] = true
        check(string.find(run.deps, '^[%d,]*$'), 'deps')
        for index in string.gmatch(run.deps, '%d+') do
            local before = runs[tonumber(index) + 1]
            check(before and before.stage < run.stage, 'deps of no stage before')
        end
    end
    for stage = 0, stages - 1 do
        check(seen[stage], 'a stage without runs')
    end
    return stages
end

-- ARGV from `first`: of each run id, kind, target, scope, project, workspace, pkey, spec,
-- ref, stage, deps. Returns them and the number of their stages.
local function read_runs(first)
    local count = (#ARGV - first + 1) / RUN_ARGS
    check(count == math.floor(count) and count <= RUNS_MAX, 'runs of a batch')
    local runs = {}
    for i = first, #ARGV, RUN_ARGS do
        check(#ARGV[i] > 0 and #ARGV[i + 2] > 0 and #ARGV[i + 3] > 0, 'run of a batch')
        check(#ARGV[i + 7] <= 65536, 'a spec above 64 KiB')
        runs[#runs + 1] = {
            id = ARGV[i], kind = ARGV[i + 1], target = ARGV[i + 2], scope = ARGV[i + 3],
            project = ARGV[i + 4], workspace = ARGV[i + 5], pkey = ARGV[i + 6],
            spec = ARGV[i + 7], ref = ARGV[i + 8], stage = whole(ARGV[i + 9], 'stage'),
            deps = ARGV[i + 10], index = #runs, coalesce = ''}
    end
    return runs, check_stages(runs)
end

-- Gives the batch its runs. The counts come first, so that whoever counts finds them.
local function batch_fill(id, runs, stages, trigger, priority, locked_by)
    local first, ids = 0, {}
    for i, run in ipairs(runs) do
        ids[i] = run.id
        first = first + (run.stage == 0 and 1 or 0)
    end
    redis.call('HSET', K('batch:' .. id), 'total', #runs, 'outstanding', #runs, 'stages',
               stages, 'stage_left', first)
    for _, run in ipairs(runs) do
        run.batch, run.trigger, run.priority, run.locked_by = id, trigger, priority,
                                                              locked_by
        make_run(run)
    end
    if #ids > 0 then
        redis.call('RPUSH', K('batch_runs:' .. id), unpack(ids))
    end
end
