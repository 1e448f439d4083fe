#!lua flags=allow-oom
-- At most one run of a target is running, and it is the first of that target that waits.
-- A nonce claims once: sent again it gets the same run while that is held, else none.
-- A worker has one claim under way at a time.
--@include run
--@include waiting
--@include batch_tell
local worker, nonce, lease_ms = ARGV[1], ARGV[2], whole(ARGV[3], 'lease')
check(#ARGV == 3 and #worker > 0 and #nonce > 0, 'claim')

local function answer(id)
    local v = redis.call('HMGET', K('run:' .. id), 'fence', 'target', 'kind', 'attempts',
                         'crashes', 'queued', 'started', 'lock_since', 'pkey', 'scope')
    local spec = redis.call('GET', K('spec:' .. id))
    local more = redis.call('EXISTS', K('ready'))
    local resources = v[9] ~= '' and redis.call('HGET', K('last:' .. v[10]), 'resources')
    return {'run', id, v[1], v[2], v[3], spec, v[4], v[5] or 0, v[6], v[7], v[8] or 0,
            resources or 0, more}
end

-- The worker's last claim, so that its replay is known; an empty answer is one too.
local own = K('worker:' .. worker)
local function remember(id)
    redis.call('HSET', own, 'claim', nonce, 'claimed', id)
    redis.call('PEXPIRE', own, 60000)
end

local last = redis.call('HMGET', own, 'claim', 'claimed')
if last[1] == nonce then
    local run = last[2] ~= '' and run_load(last[2])
    if run and run.status == 'running' and run.nonce == nonce then
        return answer(run.id)
    end
    return {'none'}
end
if redis.call('HGET', K('meta'), 'paused') == '1' then
    return {'paused'}
end

-- The first waiting run of the best target. Normally the first try hits; what does not
-- belong where it is found is put right, so that it blocks nobody.
local function next_run()
    for _ = 1, 100 do
        local target = redis.call('ZRANGE', K('ready'), 0, 0)[1]
        if not target then
            return nil
        end
        local id = redis.call('ZRANGE', K('q:' .. target), 0, 0)[1]
        local run = id and run_load(id)
        local waits = run and run.status == 'queued'
        if waits and redis.call('HEXISTS', K('active'), target) == 0 then
            return run
        end
        if id and not waits then
            leave_waiting({id = id, target = target, pkey = run and run.pkey or '',
                           trigger = run and run.trigger or '', coalesce = ''})
        end
        refresh_ready(target)
    end
end

local run = next_run()
if not run then
    remember('')
    return {'none'}
end
move(run.id, run.status, 'claim', 'running')
leave_waiting(run)
redis.call('ZREM', K('ready'), run.target)
local fence = event(run.id, 'running')
redis.call('HSET', K('run:' .. run.id), 'status', 'running', 'version', fence, 'fence',
           fence, 'nonce', nonce, 'worker', worker, 'started', NOW, 'attempts',
           run.attempts + 1)
redis.call('HSET', K('active'), run.target, run.id)
redis.call('ZADD', K('leases'), NOW + lease_ms, run.id)
remember(run.id)
-- The resolve run of a batch, or the first run of a check.
if run.batch and redis.call('HGET', K('batch:' .. run.batch), 'status') == 'queued' then
    batch_tell(run.batch, 'running', 'started', NOW)
end
if redis.call('EXISTS', K('ready')) == 1 then
    wake()
end
return answer(run.id)
