#!lua flags=allow-oom
-- The head of the outbox, or a reminder that is due, becomes what was told and one
-- delivery per event and hook, all or nothing. It is done once: by whoever saw that head,
-- that reminder and what was told of it as they still are. The hooks must be those that
-- the caller knows.
-- ARGV: limits, entry ("": a reminder), subject, version of what was told, revision of
-- the hooks, reminder after ms, what was told is kept ms, drift, since, at, failing (0,
-- 1), event, remind (0, 1), number of events, scope whose ignore rules matched or "",
-- number of those; of each id, matches; of each event id, type, JSON, batch, number of
-- deliveries; of each delivery hook, id.
--@include outbox
--@include ignores
local A = LIMITS
local entry, subject, version, revision = ARGV[A + 1], ARGV[A + 2], ARGV[A + 3], ARGV[A + 4]
local remind_ms, told_ms = whole(ARGV[A + 5], 'time'), whole(ARGV[A + 6], 'time')
local since, at = whole(ARGV[A + 8], 'since'), whole(ARGV[A + 9], 'at')
local remind, count = ARGV[A + 12] == '1', whole(ARGV[A + 13], 'events')
local scope, ignored = ARGV[A + 14], whole(ARGV[A + 15], 'rules that matched')
check(entry ~= '' or subject ~= '', 'a reminder of nothing')
check(scope and ignored <= 1200 and (scope ~= '') == (ignored > 0), 'rules that matched')
whole(version, 'version')

local rules, matches = {}, {}
for i = 1, ignored do
    rules[i] = ARGV[A + 14 + 2 * i]
    matches[i] = whole(ARGV[A + 15 + 2 * i], 'matches')
    check(#rules[i] > 0 and rules[i] ~= 'revision' and matches[i] > 0, 'a match')
end

local function read_events(place)
    local events = {}
    for _ = 1, count do
        local event = {id = ARGV[place], type = ARGV[place + 1], json = ARGV[place + 2],
                       batch = ARGV[place + 3], to = {}}
        local to = whole(ARGV[place + 4], 'deliveries')
        check(#event.id > 0 and #event.json <= 32768 and to <= 500, 'event')
        for i = place + 5, place + 3 + 2 * to, 2 do
            check(ARGV[i + 1], 'delivery')
            event.to[#event.to + 1] = {hook = ARGV[i], id = ARGV[i + 1]}
        end
        events[#events + 1] = event
        place = place + 5 + 2 * to
    end
    check(place == #ARGV + 1, 'outbox_spread')
    return events
end
local events = read_events(A + 16 + 2 * ignored)

local function is_still_due()
    if entry ~= '' then
        return redis.call('LINDEX', K('outbox'), 0) == entry
    end
    local due = redis.call('ZSCORE', K('reminders'), subject)
    return due and tonumber(due) <= NOW
end

local told = K('told:' .. subject)
if not is_still_due() or
    subject ~= '' and (redis.call('HGET', told, 'version') or '0') ~= version then
    return 'moved'
end
if hooks_revision() ~= revision then
    return 'hooks_moved'
end

-- The same event a second time (a run can become an orphan twice) has its deliveries.
local function spread_event(event)
    event_keep(event.id, event.json)
    for _, to in ipairs(event.to) do
        if redis.call('EXISTS', K('delivery:' .. to.id)) == 0 then
            local digests, gather = hook_digests(to.hook), K('gather:' .. to.hook)
            deliver(to.hook, to.id, event.id, event.type, event.batch, false)
            if digests then
                redis.call('HSETNX', gather, 'first', NOW)
                redis.call('HSET', gather, 'last', NOW)
            end
            plan_look_at_more(to.hook, digests)
        end
    end
end

if entry ~= '' then
    redis.call('LPOP', K('outbox'))
end
if subject ~= '' then
    redis.call('HSET', told, 'version', version + 1, 'drift', ARGV[A + 7], 'since', since,
               'at', at, 'failing', ARGV[A + 10], 'event', ARGV[A + 11])
    -- A reminder is no sign that anybody still checks.
    if entry ~= '' then
        redis.call('PEXPIRE', told, told_ms)
    else
        redis.call('PEXPIRE', told, told_ms, 'NX')
    end
    -- From when people were told of it; a reminder is telling them, too.
    local from = (entry == '' or at == 0) and NOW or at
    if remind then
        redis.call('ZADD', K('reminders'), from + remind_ms, subject)
    else
        redis.call('ZREM', K('reminders'), subject)
    end
end
for _, event in ipairs(events) do
    if #event.to > 0 then
        spread_event(event)
    end
end
-- Once for each entry: the next one who comes with it finds that it is no longer the head.
if ignored > 0 then
    ignored_add(scope, rules, matches)
    if ignores_prune(scope) then
        ignores_changed(scope)
    end
end
return 'done'
