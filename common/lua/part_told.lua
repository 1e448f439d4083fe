--@include prelude
-- What was last told about a subject, in the order of told_fields in outbox.c.
local function told_read(subject)
    return redis.call('HMGET', K('told:' .. subject), 'version', 'drift', 'since', 'at',
                      'failing', 'event')
end
