#!lua
-- A tick of a schedule becomes at most one run, in the step that moves the schedule on.
-- Nothing happens unless the schedule is what it was when it was read, its time has come
-- and its workspace is what the run was made from. Sent again it answers 'moved'.
-- ARGV: schedule, its version, its tick, next tick (0: none), action, is it a review (0,
-- 1); unless the action is "pass" also: run, kind, credit ms, target, scope, project,
-- workspace, its project's key, its revision (-1: any), spec, ref, fingerprint, note.
--@include new_run
--@include schedule
--@include freeze
local id, version, tick, action = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local next_tick, review = whole(ARGV[4], 'next tick'), ARGV[6] == '1'
local kind, target, pkey, note = ARGV[8], ARGV[10], ARGV[14], ARGV[19]
check(#ARGV == (action == 'pass' and 6 or 19) and #id > 0, 'fire')
check(review and action == 'pass' or next_tick == 0 or next_tick > whole(tick, 'tick'),
      'a next tick that is not later')
local skips = action == 'skip'
if action ~= 'pass' then
    check(action == 'run' or action == 'join_queue' or skips, 'action')
    check(kind == 'drift_check' or kind == 'reconcile', 'kind')
    check(#ARGV[7] > 0 and #target > 0 and #ARGV[11] > 0, 'run of a schedule')
    check(#ARGV[16] <= 65536 and #note <= 4096, 'a spec above 64 KiB, or a note above 4')
end

local NOTES = {
    drift_check = '{"summary":"A check of this workspace was still waiting or running"}',
    reconcile = '{"summary":"A reconcile of this workspace was still waiting or running"}'}

local function is_of_kind(run_id)
    return run_id and redis.call('HGET', K('run:' .. run_id), 'kind') == kind
end

-- A reconcile is not even planned while nothing may be applied: why, as a note.
local function note_of_freeze()
    local reason = kind == 'reconcile' and why_frozen()
    local why = reason and 'Applies are frozen' .. (reason ~= '' and ': ' .. reason or '')
    return why and cjson.encode({summary = why})
end

-- Is a run of that kind waiting for the target, or working on it?
local function under_way()
    if is_of_kind(redis.call('HGET', K('active'), target)) then
        return true
    end
    for _, waiting in ipairs(redis.call('ZRANGE', K('q:' .. target), 0, 99)) do
        if is_of_kind(waiting) then
            return true
        end
    end
    return false
end

local function make()
    local coalesce = (kind == 'drift_check' and not skips) and ARGV[18] or ''
    make_run({id = ARGV[7], kind = kind, trigger = 'schedule', target = target,
              scope = ARGV[11], project = ARGV[12], workspace = ARGV[13], pkey = pkey,
              spec = ARGV[16], ref = ARGV[17], coalesce = coalesce,
              priority = digits(NOW - whole(ARGV[9], 'credit')), locked_by = 'schedule',
              schedule = id, skipped = skips and (note ~= '' and note or NOTES[kind])})
end

if redis.call('HGET', K('meta'), 'paused') == '1' then
    return 'paused'
end
local v = redis.call('HMGET', K('schedule:' .. id), 'version', 'tick', 'due', 'spread',
                     'jitter')
if v[1] ~= version or v[2] ~= tick then
    return 'moved'
end
local due, spread, jitter = tonumber(v[3]), tonumber(v[4]), tonumber(v[5])
check(due and spread and jitter, 'a schedule without its numbers')
if (due == 0 or due > NOW) and not (review and action == 'pass') then
    return 'moved'
end
local function move_on(...)
    schedule_set_tick(id, next_tick, spread, jitter, ...)
end

if action == 'pass' then
    move_on()
    return 'passed'
end
if redis.call('EXISTS', K('run:' .. ARGV[7])) == 1 then
    move_on()
    return 'fired'
end
if has_moved(pkey, ARGV[15]) then
    return 'stale'
end
if not skips then
    note = note_of_freeze() or ''
    skips = note ~= '' or (action == 'run' and under_way())
end
make()
if skips then
    move_on()
    return 'skipped'
end
move_on('last', digits(NOW))
return 'fired'
