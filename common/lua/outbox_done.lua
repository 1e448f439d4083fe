#!lua flags=allow-oom
-- How the sending of a parcel went. Only deliveries that are still leased to the nonce
-- move on; the answer is how many.
-- ARGV: limits, nonce, hook, end (sent, retry, dead, gone), retry after ms, hold ms, HTTP
-- status, time taken ms, note (a JSON string), why the hook is disabled if it is; ids of
-- deliveries.
--@include outbox
local A = LIMITS
local nonce, hook, how = ARGV[A + 1], ARGV[A + 2], ARGV[A + 3]
local retry_ms, hold_ms = whole(ARGV[A + 4], 'retry'), whole(ARGV[A + 5], 'hold')
local status = whole(ARGV[A + 6], 'status')
local line = log_line(status, whole(ARGV[A + 7], 'time'), ARGV[A + 8])
local reason, first = ARGV[A + 9], A + 10
check(#ARGV >= first and #ARGV < first + BATCH and #nonce > 0 and #hook > 0, 'outbox_done')
check(how == 'sent' or how == 'retry' or how == 'dead' or how == 'gone', 'end')
check(not string.find(line, '\n', 1, true), 'note')

local function move_on(id)
    redis.call('HINCRBY', K('delivery:' .. id), 'attempts', 1)
    log_add(id, line)
    if how == 'retry' then
        delivery_wait(hook, id, NOW + retry_ms)
    else
        delivery_end(hook, id, how == 'sent' and 'sent' or 'dead')
    end
end

local count = 0
for i = first, #ARGV do
    if redis.call('ZSCORE', K('flying:' .. hook), ARGV[i]) and
        redis.call('HGET', K('delivery:' .. ARGV[i]), 'nonce') == nonce then
        move_on(ARGV[i])
        count = count + 1
    end
end
if count == 0 then
    return 0
end

if status == 0 then
    redis.call('HSET', K('gather:' .. hook), 'silent', 1)
else
    redis.call('HDEL', K('gather:' .. hook), 'silent')
end
if hold_ms > 0 then
    local next = tonumber(redis.call('HGET', K('gather:' .. hook), 'next') or 0)
    redis.call('HSET', K('gather:' .. hook), 'next', math.max(next, NOW + hold_ms))
end
if how == 'gone' and redis.call('HGET', K('hook:' .. hook), 'enabled') == '1' then
    redis.call('HSET', K('hook:' .. hook), 'enabled', 0, 'reason', reason, 'updated', NOW)
    redis.call('HINCRBY', K('hook:' .. hook), 'version', 1)
    hooks_changed()
end
plan_look(hook, hook_digests(hook))
return count
