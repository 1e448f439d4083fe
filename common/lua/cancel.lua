#!lua flags=allow-oom
-- A waiting run that is cancelled never starts; a running one is asked to stop, and its
-- level only rises. Nothing else changes. Of a batch, its resolve run or all its runs; it
-- ends when they all have. Sent again with the same nonce: same answer.
--@include cancel
local id, level, by, nonce = ARGV[1], whole(ARGV[2], 'level'), ARGV[3], ARGV[4]
check(#ARGV == 4 and #id > 0 and #nonce > 0 and (level == 1 or level == 2), 'cancel')

-- The level is written first: no later stage begins while the runs are stopped.
local function cancel_batch(batch)
    if batch_ended(batch.status) then
        return 'ended'
    end
    if level > batch.cancel then
        batch_tell(id, batch.status, 'cancel', level, 'cancel_by', by)
    end
    local ids = redis.call('LRANGE', K('batch_runs:' .. id), 0, -1)
    ids[#ids + 1] = batch.resolve
    for _, run_id in ipairs(ids) do
        local run = run_load(run_id)
        if run then
            cancel_run(run, level, by)
        end
    end
    return batch_ended(batch_load(id).status) and 'done' or 'asked'
end

local key, answer = K('run:' .. id), 'unknown'
local run = run_load(id)
local batch = not run and batch_load(id)
if run then
    answer = cancel_run(run, level, by)
elseif batch then
    key = K('batch:' .. id)
    answer = cancel_batch(batch)
end
if answer == 'done' then
    redis.call('HSET', key, 'cancel_nonce', nonce)
elseif answer == 'ended' and redis.call('HGET', key, 'cancel_nonce') == nonce then
    return 'done'
end
return answer
