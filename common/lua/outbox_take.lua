#!lua flags=allow-oom
-- Hands parcels of due deliveries out: each is leased to this nonce, and nobody else gets
-- it before that is over. Sent again with its nonce it answers the same parcels, as far as
-- they are still leased to it.
-- ARGV: limits, lease ms, longest wait for a batch ms, events of a digest at most, time
-- between two messages ms, nonce, parcels at most, with the default hook (0, 1).
--@include outbox
local A = LIMITS
local lease_ms, batch_max_ms = whole(ARGV[A + 1], 'lease'), whole(ARGV[A + 2], 'batch')
local digest_max, gap_ms = whole(ARGV[A + 3], 'digest'), whole(ARGV[A + 4], 'gap')
local nonce, limit, with_default = ARGV[A + 5], whole(ARGV[A + 6], 'parcels'),
                                   ARGV[A + 7] == '1'
check(#ARGV == A + 7 and #nonce > 0 and limit > 0 and limit <= 16, 'outbox_take')

local taken = K('taken:' .. nonce)
local parcels, notes = {}, {}

local function load(id)
    local v = redis.call('HMGET', K('delivery:' .. id), 'event', 'type', 'batch',
                         'attempts', 'created', 'alone', 'nonce')
    return v[1] and {id = id, event = v[1], type = v[2], batch = v[3],
                     attempts = tonumber(v[4]), created = tonumber(v[5]),
                     alone = v[6] == '1', nonce = v[7]}
end

local function add_parcel(hook, deliveries)
    local rows, attempts = {}, deliveries[1].attempts
    for _, delivery in ipairs(deliveries) do
        attempts = math.min(attempts, delivery.attempts)
        for _, value in ipairs({delivery.id, delivery.event, delivery.type,
                                redis.call('GET', K('event:' .. delivery.event)) or '',
                                delivery.attempts}) do
            rows[#rows + 1] = value
        end
    end
    parcels[#parcels + 1] = {hook_row(hook), attempts, rows}
end

local function lease(hook, deliveries)
    local note = {hook}
    for _, delivery in ipairs(deliveries) do
        redis.call('ZREM', K('pending:' .. hook), delivery.id)
        redis.call('ZADD', K('flying:' .. hook), NOW + lease_ms, delivery.id)
        redis.call('HSET', K('delivery:' .. delivery.id), 'nonce', nonce)
        note[#note + 1] = delivery.id
    end
    notes[#notes + 1] = table.concat(note, ' ')
    add_parcel(hook, deliveries)
end

-- Leases that are over: who had them is gone. It may have sent them.
local function recover(hook)
    for _, id in ipairs(redis.call('ZRANGE', K('flying:' .. hook), '-inf', NOW, 'BYSCORE',
                                   'LIMIT', 0, BATCH)) do
        if redis.call('EXISTS', K('delivery:' .. id)) == 0 then
            delivery_leave(hook, id)
        else
            redis.call('HINCRBY', K('delivery:' .. id), 'attempts', 1)
            log_add(id, log_line(0, lease_ms, '"Whoever sent it was lost"'))
            delivery_wait(hook, id, NOW)
        end
    end
end

local function give_up(hook)
    for _, id in ipairs(redis.call('ZRANGE', K('pending:' .. hook), 0, BATCH - 1)) do
        delivery_give_up(hook, id, '"Given up: the hook is disabled"')
    end
    redis.call('HDEL', K('gather:' .. hook), 'first', 'last')
end

-- Its batch still runs: what comes of it is told together.
local function is_held(delivery)
    if delivery.batch == '' or NOW >= delivery.created + batch_max_ms then
        return false
    end
    local status = redis.call('HGET', K('batch:' .. delivery.batch), 'status')
    return status == 'queued' or status == 'running'
end

-- Up to `count` deliveries that are due and wait for nothing else.
local function due_deliveries(hook, count, digests)
    local found, alone = {}, false
    for _, id in ipairs(redis.call('ZRANGE', K('pending:' .. hook), '-inf', NOW, 'BYSCORE',
                                   'LIMIT', 0, BATCH)) do
        local delivery = load(id)
        if alone or #found == count then
            break
        elseif not delivery then
            delivery_leave(hook, id)
        elseif digests and delivery.alone then
            if #found == 0 then
                found, alone = {delivery}, true
            end
        elseif digests and is_held(delivery) then
            delivery_wait(hook, id,
                          math.min(NOW + QUIET_MS, delivery.created + batch_max_ms))
        else
            found[#found + 1] = delivery
        end
    end
    return found, alone
end

local function take_digest(hook)
    local found, alone = due_deliveries(hook, digest_max, true)
    if not alone then
        redis.call('HDEL', K('gather:' .. hook), 'first', 'last')
    end
    if #found > 0 then
        lease(hook, found)
        redis.call('HSET', K('gather:' .. hook), 'next', NOW + gap_ms)
    end
end

local function take_each(hook)
    local room = flying_max(hook, false) - redis.call('ZCARD', K('flying:' .. hook))
    for _, delivery in ipairs(due_deliveries(hook, math.max(0, math.min(room, limit - #parcels)),
                                             false)) do
        lease(hook, {delivery})
    end
end

local function look(hook)
    local digests = hook_digests(hook)
    recover(hook)
    if hook ~= DEFAULT_HOOK and
        redis.call('HGET', K('hook:' .. hook), 'enabled') ~= '1' then
        give_up(hook)
        plan_look(hook, digests)
        return
    end
    local first = redis.call('ZRANGE', K('pending:' .. hook), 0, 0, 'WITHSCORES')
    if first[1] and ready_at(hook, digests, tonumber(first[2])) <= NOW then
        if not digests then
            take_each(hook)
        elseif redis.call('ZCARD', K('flying:' .. hook)) == 0 then
            take_digest(hook)
        end
    end
    plan_look(hook, digests)
end

local function take_again(text)
    for line in string.gmatch(text, '[^\n]+') do
        local hook, found = string.match(line, '^%S+'), {}
        for id in string.gmatch(string.sub(line, #hook + 1), '%S+') do
            local delivery = load(id)
            if delivery and delivery.nonce == nonce and
                redis.call('ZSCORE', K('flying:' .. hook), id) then
                found[#found + 1] = delivery
            end
        end
        if #found > 0 then
            add_parcel(hook, found)
        end
    end
end

local function take_new()
    for _, hook in ipairs(redis.call('ZRANGE', K('hooks_due'), '-inf', NOW, 'BYSCORE',
                                     'LIMIT', 0, BATCH)) do
        if #parcels == limit then
            break
        elseif hook ~= DEFAULT_HOOK or with_default then
            look(hook)
        end
    end
    if #notes > 0 then
        redis.call('SET', taken, table.concat(notes, '\n'), 'PX', lease_ms)
    end
end

-- 0: nothing waits.
local function next_look()
    local due = redis.call('ZRANGE', K('hooks_due'), 0, 1, 'WITHSCORES')
    local first = (due[1] == DEFAULT_HOOK and not with_default) and 4 or 2
    return tonumber(due[first] or 0)
end

local before = redis.call('GET', taken)
if before then
    take_again(before)
else
    take_new()
end
return {NOW, next_look(), unpack(parcels)}
