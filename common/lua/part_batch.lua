--@include batch_tell
-- A batch as the scripts see it.
-- Functions where a table would do: every script that ends a run would have to make it.
local function batch_ended(status)
    return status ~= 'queued' and status ~= 'running'
end

local function batch_load(id)
    local v = redis.call('HMGET', K('batch:' .. id), 'status', 'resolve', 'outstanding',
                         'ok', 'failed', 'stage', 'stages', 'stage_left', 'stage_failed',
                         'abort', 'cancel', 'cancel_by')
    if not v[1] then
        return nil
    end
    return {id = id, status = v[1], resolve = v[2], outstanding = tonumber(v[3]),
            ok = tonumber(v[4]), failed = tonumber(v[5]), stage = tonumber(v[6]),
            stages = tonumber(v[7]), stage_left = tonumber(v[8]),
            stage_failed = tonumber(v[9]), abort = v[10] == '1',
            cancel = tonumber(v[11]), cancel_by = v[12] or ''}
end

local function batch_end(id, status, ...)
    batch_tell(id, status, 'ended', NOW, ...)
    redis.call('ZREM', K('batches_open'), id)
end
