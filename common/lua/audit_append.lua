#!lua flags=allow-oom
-- Records of the audit, each batch once and in order, though it may be sent again: of each
-- process the number of its last batch is known, and only the next one is taken. After an
-- hour of nothing that is forgotten; then what the process says is its first one is taken.
-- ARGV: nonce of the process, number of the batch, number of its oldest one that is not
-- known to be stored, days kept, records in the batch, their text.
--@include prelude
local nonce, number, oldest = ARGV[1], whole(ARGV[2], 'number'), whole(ARGV[3], 'oldest')
local days, count = whole(ARGV[4], 'days'), whole(ARGV[5], 'count')
check(#ARGV == 6 and #nonce > 0 and oldest > 0 and number >= oldest, 'audit_append')
check(days > 0 and count > 0 and #ARGV[6] > 0, 'audit_append')

local HOUR_MS, DAY_MS = 3600000, 86400000
local by = K('audit_by:' .. nonce)
local last = tonumber(redis.call('GET', by) or oldest - 1)
if number <= last then
    return 'had'
end
if number > last + 1 then
    return 'gap'
end
redis.call('XADD', K('audit'), 'MINID', '~', digits(math.max(NOW - days * DAY_MS, 0)), '*',
           'n', ARGV[5], 'records', ARGV[6])
redis.call('SET', by, digits(number), 'PX', HOUR_MS)
return 'done'
