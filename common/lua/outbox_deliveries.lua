#!lua flags=no-writes,allow-oom
-- Writes nothing. A page of a hook's deliveries, newest first, after one that may be gone
-- meanwhile. ARGV: hook, time of the delivery before the page ("0": none), its id, limit.
--@include prelude
local list, before, id, limit = K('deliveries:' .. ARGV[1]), ARGV[2], ARGV[3],
                                whole(ARGV[4], 'limit')
whole(before, 'time')
check(#ARGV == 4 and limit > 0 and limit <= 100, 'outbox_deliveries')

local rank = before ~= '0' and redis.call('ZREVRANK', list, id)
local ids
if before == '0' then
    ids = redis.call('ZRANGE', list, 0, limit - 1, 'REV')
elseif rank then
    ids = redis.call('ZRANGE', list, rank + 1, rank + limit, 'REV')
else
    ids = redis.call('ZRANGE', list, '(' .. before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0,
                     limit)
end
local page = {}
for _, delivery in ipairs(ids) do
    local v = redis.call('HMGET', K('delivery:' .. delivery), 'event', 'type', 'state',
                         'attempts', 'created', 'due', 'ended', 'log')
    if v[1] then
        v[8] = '[' .. string.gsub(v[8], '\n', ',') .. ']'
        v[9] = redis.call('GET', K('event:' .. v[1]))
        page[#page + 1] = {delivery, unpack(v, 1, 9)}
    end
end
return page
