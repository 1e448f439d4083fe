#!lua
-- A request becomes exactly one waiting run, or joins an equal check that still waits, or
-- leaves no trace; what applies leaves none while that is frozen. Sent again with the same
-- run id or Idempotency-Key it gets the answer it got before.
--@include new_run
--@include freeze
local id, kind, target, scope, pkey = ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[9]
local credit = whole(ARGV[4], 'credit')
local fingerprint, revision, idem, body = ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local max_queued, max_project = whole(ARGV[17], 'limit'), whole(ARGV[18], 'limit')
check(#ARGV == 18 and #id > 0 and #target > 0 and #scope > 0, 'enqueue')
check(kind ~= 'resolve', 'a resolve run comes with its batch')
check(#ARGV[10] <= 65536, 'a spec above 64 KiB')

local coalesce = kind == 'drift_check' and fingerprint or ''
local priority = digits(NOW - credit)

local before = answered_before(idem, body)
if before then
    return before
end
if redis.call('EXISTS', K('run:' .. id)) == 1 then
    return {'replayed', id, 0}
end
local frozen = (kind == 'apply' or kind == 'reconcile') and frozen_answer()
if frozen then
    return frozen
end
if has_moved(pkey, revision) then
    return {'moved', '', 0}
end

local equal = coalesce ~= '' and redis.call('HGET', K('coalesce'), coalesce)
if equal then
    if NOW - credit < tonumber(redis.call('HGET', K('run:' .. equal), 'priority')) then
        redis.call('HSET', K('run:' .. equal), 'priority', priority)
        redis.call('ZADD', K('ready'), 'XX', 'LT', priority, target)
    end
    remember_answer(idem, body, equal, 1)
    return {'coalesced', equal, 1}
end

local refused = no_room(pkey, 1, max_queued, max_project)
if refused then
    return refused
end
make_run({id = id, kind = kind, trigger = ARGV[3], target = target, scope = scope,
          project = ARGV[7], workspace = ARGV[8], pkey = pkey, spec = ARGV[10],
          ref = ARGV[11], coalesce = coalesce, priority = priority, locked_by = ARGV[16]})
remember_answer(idem, body, id, 0)
return {'new', id, 0}
