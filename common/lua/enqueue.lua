#!lua
-- A request becomes exactly one waiting run, or joins an equal check that still waits, or
-- leaves no trace. Sent again with the same run id or Idempotency-Key it gets the answer
-- it got before.
--@include waiting
local id, kind, target, scope, pkey = ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[9]
local credit = whole(ARGV[4], 'credit')
local fingerprint, revision, idem, body = ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local max_queued, max_project = whole(ARGV[17], 'limit'), whole(ARGV[18], 'limit')
check(#ARGV == 18 and #id > 0 and #target > 0 and #scope > 0, 'enqueue')
check(#ARGV[10] <= 65536, 'a spec above 64 KiB')

local run = K('run:' .. id)
local coalesce = kind == 'drift_check' and fingerprint or ''
local now, priority = digits(NOW), digits(NOW - credit)

-- What the first call with this Idempotency-Key was answered. Without a key a call that
-- joined another run leaves no note: sent again it joins again, or becomes a run of its own.
local note = K('idem:' .. idem)
local function remember(run_id, joined)
    if idem ~= '' then
        redis.call('SET', note, run_id .. ' ' .. joined .. ' ' .. body, 'PX', 86400000)
    end
end

local before = idem ~= '' and redis.call('GET', note)
if before then
    local run_id, joined, old_body = string.match(before, '^(%S+) (%d) (.*)$')
    if old_body ~= body then
        return {'mismatch', run_id, 0}
    end
    return {'replayed', run_id, tonumber(joined)}
end
if redis.call('EXISTS', run) == 1 then
    return {'replayed', id, 0}
end
if revision ~= '-1' and
    redis.call('HGET', K('project:' .. pkey), 'revision') ~= revision then
    return {'moved', '', 0}
end

local equal = coalesce ~= '' and redis.call('HGET', K('coalesce'), coalesce)
if equal then
    if NOW - credit < tonumber(redis.call('HGET', K('run:' .. equal), 'priority')) then
        redis.call('HSET', K('run:' .. equal), 'priority', priority)
        redis.call('ZADD', K('ready'), 'XX', 'LT', priority, target)
    end
    remember(equal, 1)
    return {'coalesced', equal, 1}
end

local waiting = redis.call('HMGET', K('waiting'), '', pkey)
if tonumber(waiting[1] or 0) >= max_queued then
    return {'full', '', 0}
end
if pkey ~= '' and tonumber(waiting[2] or 0) >= max_project then
    return {'full_project', '', 0}
end

local seq = redis.call('HINCRBY', K('meta'), 'seq', 1)
redis.call('HSET', run, 'status', 'queued', 'kind', kind, 'trigger', ARGV[3], 'target',
           target, 'scope', scope, 'project', ARGV[7], 'workspace', ARGV[8], 'pkey', pkey,
           'ref', ARGV[11], 'coalesce', coalesce, 'seq', seq, 'priority', priority,
           'queued', now, 'locked_by', ARGV[16], 'version', event(id, 'queued'))
redis.call('SET', K('spec:' .. id), ARGV[10])
enter_waiting(id, target, pkey, seq, priority, coalesce)
redis.call('ZADD', K('runs'), now, id)
redis.call('ZADD', K('runs:' .. scope), now, id)
if kind == 'drift_check' then
    redis.call('HSET', K('last:' .. scope), 'newest', id)
end
remember(id, 0)
return {'new', id, 0}
