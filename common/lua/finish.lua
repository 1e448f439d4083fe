#!lua flags=allow-oom
-- The holder of a run ends it once, with its result. Who no longer holds it writes
-- nothing, but for a note when a person has resolved it meanwhile.
-- ARGV: run, fence, nonce, status, exit, error code, error message, commit, summary,
-- output cut (0, 1), output, log, applied, head, metadata, drift key, drift field, drift
-- record, is that of a plan although it ended in error (0, 1), what was read of the
-- repository ('': not known), resources in the state ('': leave what is known).
--@include run_end
local id, fence, nonce, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local drift_repo, drift_field, drift_record = ARGV[16], ARGV[17], ARGV[18]
local found, reads, resources = ARGV[19] == '1', ARGV[20], ARGV[21]
check(#ARGV == 21 and #id > 0 and #status > 0, 'finish')
check(#ARGV[9] <= 4096 and #ARGV[7] <= 4096 and #reads <= 4096,
      'a summary, message or list above 4 KiB')
check(drift_repo == '' or drift_field ~= '', 'a drift record without a field')
whole(ARGV[5], 'exit')
check(resources == '' or whole(resources, 'resources') >= 0, 'resources')

local run = run_load(id)
if not held_by(run, fence, nonce) then
    local resolved = K('run:' .. id)
    if run and redis.call('HGET', resolved, 'resolved_hold') == fence .. ' ' .. nonce then
        redis.call('HSETNX', resolved, 'note', status .. ' ' .. ARGV[6] .. ' ' .. ARGV[7])
    end
    return 'gone'
end
if run.status ~= 'running' and run.status ~= 'orphaned' then
    -- Ended by this hold: a replay. Given back: it is not the caller's any more.
    return redis.call('ZSCORE', K('ended'), id) and 'done' or 'gone'
end

-- A cancelled run is never shown as clean or drifted; a marked apply keeps its outcome.
local code, message = ARGV[6], ARGV[7]
if run.cancel > 0 and not run.marked then
    status, code, message = 'cancelled', '', ''
elseif run.status == 'orphaned' and status ~= 'applied' then
    status = 'error'
    code = code ~= '' and code or 'INTERRUPTED'
end
if code == 'FROZEN' then
    local reason = redis.call('HGET', K('run:' .. id), 'frozen_reason') or ''
    message = message .. (reason ~= '' and ' The reason: ' .. reason or '')
end
check(status ~= 'cancelled' or run.cancel > 0, 'cancelled, but nobody cancels')
check(run.kind ~= 'resolve' or status == 'error' or status == 'cancelled',
      'the good end of a resolve run is expand')
move(id, run.status, 'finish', status)

local result = {}
for i, field in ipairs({'output', 'log', 'applied', 'head', 'metadata'}) do
    if ARGV[10 + i] ~= '' then
        result[#result + 1] = field
        result[#result + 1] = ARGV[10 + i]
    end
end
if #result > 0 then
    redis.call('HSET', K('result:' .. id), unpack(result))
end
local bytes = #ARGV[11] + #ARGV[12] + #ARGV[13]
if bytes > 0 then
    redis.call('HINCRBY', K('meta'), 'result_bytes', bytes)
    redis.call('ZADD', K('outputs'), NOW, id)
end
-- What nobody has registered and was never seen is no project that fails.
local NOWHERE = {REPOSITORY_NOT_FOUND = true, REF_NOT_FOUND = true,
                 DIRECTORY_NOT_FOUND = true}
if drift_repo ~= '' and drift_record ~= '' and status ~= 'cancelled' then
    -- A check that failed leaves the last good record as it is. A reconcile that may not
    -- apply its plan has made one all the same: it found what there is.
    local records, failure = K('drift:' .. drift_repo), drift_field .. '|error'
    if status == 'error' and not found then
        if run.pkey ~= '' or not NOWHERE[code] or
            redis.call('HEXISTS', records, drift_field) == 1 then
            redis.call('HSET', records, failure, drift_record)
        end
    else
        redis.call('HSET', records, drift_field, drift_record)
        redis.call('HDEL', records, failure)
    end
    redis.call('ZADD', K('drifts'), NOW, drift_repo)
end
if run.pkey ~= '' and (status == 'clean' or status == 'drift_detected') then
    if reads ~= '' then
        redis.call('HSET', K('last:' .. run.scope), 'reads', reads)
    else
        redis.call('HDEL', K('last:' .. run.scope), 'reads')
    end
end
-- What a reconcile measures an empty state by.
if run.pkey ~= '' and resources ~= '' then
    redis.call('HSET', K('last:' .. run.scope), 'resources', resources)
end
run_end(run, status, 'exit', ARGV[5], 'error_code', code, 'error_message', message,
        'commit', ARGV[8], 'summary', ARGV[9], 'truncated', ARGV[10])
return 'done'
