--@include prelude
-- The switch that keeps the world as it is: nothing is applied, checks go on.

-- Why nothing may be applied now, '' where no reason was given. nil: it may.
local function why_frozen()
    local v = redis.call('HMGET', K('meta'), 'frozen', 'frozen_reason')
    return v[1] == '1' and (v[2] or '') or nil
end

-- The answer to who would apply, or nil.
local function frozen_answer()
    local reason = why_frozen()
    return reason and {'frozen', '', 0, reason}
end
