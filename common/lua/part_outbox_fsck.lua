--@include prelude
-- fsck's look at the hooks: hooks_due has one exactly when something waits for it, and
-- nobody has a lease longer than leases are. `walk` and `note` are fsck's.
local function fsck_hooks(walk, note, lease_ms)
    local function has_work(hook)
        return redis.call('EXISTS', K('pending:' .. hook), K('flying:' .. hook)) > 0
    end

    walk('hooks_due', function(hook)
        if not has_work(hook) then
            note('hook ' .. hook .. ' was due, but nothing waits for it')
            redis.call('ZREM', K('hooks_due'), hook)
        end
    end)
    walk('hooks', function(hook)
        if redis.call('EXISTS', K('hook:' .. hook)) == 0 then
            note('hook ' .. hook .. ' was listed, but is not there')
            redis.call('ZREM', K('hooks'), hook)
        elseif has_work(hook) and not redis.call('ZSCORE', K('hooks_due'), hook) then
            note('hook ' .. hook .. ' was not due, though something waits for it')
            redis.call('ZADD', K('hooks_due'), NOW, hook)
        end
        -- The clock was set back: no lease is that long.
        for _, id in ipairs(redis.call('ZRANGE', K('flying:' .. hook),
                                       '(' .. NOW + lease_ms, '+inf', 'BYSCORE', 'LIMIT',
                                       0, 100)) do
            redis.call('ZADD', K('flying:' .. hook), NOW + lease_ms, id)
            redis.call('ZADD', K('hooks_due'), 'LT', NOW + lease_ms, hook)
        end
    end)
end
