#!lua
-- A request becomes exactly one batch, with the run that resolves it waiting or with the
-- runs it names, or leaves no trace; one that applies leaves none while that is frozen.
-- Sent again with the same id or Idempotency-Key it gets the answer it got before.
-- ARGV: batch, kind, trigger, credit ms, request, repository, project, its key, its
-- revision (-1: any), hash of the Idempotency-Key, fingerprint of the body, token's name,
-- limits of waiting runs in all and of the project, does it apply (0, 1), resolve run,
-- its target, its spec, then runs (see part_batch_runs.lua).
--@include batch_runs
--@include freeze
--@include batch_count
local id, trigger, pkey = ARGV[1], ARGV[3], ARGV[8]
local priority = digits(NOW - whole(ARGV[4], 'credit'))
local idem, body, locked_by = ARGV[10], ARGV[11], ARGV[12]
local max_queued, max_project = whole(ARGV[13], 'limit'), whole(ARGV[14], 'limit')
local applies, resolve = ARGV[15] == '1', ARGV[16]
check(#ARGV >= 18 and #id > 0 and #ARGV[2] > 0 and #ARGV[6] > 0, 'batch_open')
check(#ARGV[5] <= 65536 and #ARGV[18] <= 65536, 'a request or spec above 64 KiB')
local runs, stages = read_runs(19)
check(stages <= 1 and (resolve == '' or (#runs == 0 and #ARGV[17] > 0)), 'runs')

local before = answered_before(idem, body)
if before then
    return before
end
if redis.call('EXISTS', K('batch:' .. id)) == 1 then
    return {'replayed', id, 0}
end
local frozen = applies and frozen_answer()
if frozen then
    return frozen
end
if has_moved(pkey, ARGV[9]) then
    return {'moved', '', 0}
end
local refused = no_room(pkey, resolve ~= '' and 1 or #runs, max_queued, max_project)
if refused then
    return refused
end

redis.call('HSET', K('batch:' .. id), 'status', 'queued', 'kind', ARGV[2], 'request',
           ARGV[5], 'repo', ARGV[6], 'project', ARGV[7], 'pkey', pkey, 'trigger', trigger,
           'priority', priority, 'locked_by', locked_by, 'resolve', resolve, 'ok', 0,
           'failed', 0, 'stage', 0, 'stage_failed', 0, 'abort', 0, 'cancel', 0, 'queued',
           digits(NOW), 'version', event(id, 'queued'))
redis.call('ZADD', K('batches:' .. ARGV[6]), NOW, id)
redis.call('ZADD', K('batches'), 'NX', NOW, ARGV[6])
redis.call('ZADD', K('batches_open'), NOW, id)
batch_fill(id, runs, stages, trigger, priority, locked_by)
if resolve ~= '' then
    make_run({id = resolve, kind = 'resolve', trigger = trigger, target = ARGV[17],
              scope = '', project = ARGV[7], workspace = '', pkey = pkey, spec = ARGV[18],
              ref = '', coalesce = '', priority = priority, locked_by = locked_by,
              batch = id, index = -1, stage = 0, deps = ''})
elseif #runs == 0 then
    batch_counting().settle(batch_load(id))
end
remember_answer(idem, body, id, 0)
return {'new', id, 0}
