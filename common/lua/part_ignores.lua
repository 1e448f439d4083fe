--@include registry
-- The ignore rules that people set on runs, and how often each rule matched; see
-- registry.h. What nobody needs any more goes a little at a time, whenever something is
-- written.
local IGNORE_KEEP_MS = 30 * 86400000
local IGNORE_EXPIRED_MAX, IGNORED_MAX, IGNORE_BATCH = 200, 2000, 100

local function ignores_changed(scope)
    redis.call('HSET', K('ignores:' .. scope), 'revision', next_revision())
end

local function ignores_drop(scope, rules)
    for _, rule in ipairs(rules) do
        redis.call('HDEL', K('ignores:' .. scope), rule)
        redis.call('ZREM', K('ignores_due:' .. scope), rule)
        redis.call('ZREM', K('ignores_run:' .. scope), rule)
    end
    return #rules > 0
end

local function ignores_due_until(scope, time, limit)
    return redis.call('ZRANGE', K('ignores_due:' .. scope), '-inf', time, 'BYSCORE',
                      'LIMIT', 0, limit)
end

-- Rules that are over stay to be seen, but not too many of them.
local function ignores_expire(scope)
    local dropped = ignores_drop(scope, ignores_due_until(scope, NOW - IGNORE_KEEP_MS,
                                                          IGNORE_BATCH))
    local over = redis.call('ZCOUNT', K('ignores_due:' .. scope), '-inf', NOW) -
                 IGNORE_EXPIRED_MAX
    if over > 0 then
        over = math.min(over, IGNORE_BATCH)
        dropped = ignores_drop(scope, ignores_due_until(scope, NOW, over)) or dropped
    end
    return dropped
end

-- A rule of a run that is gone still holds while the drift is the same: it goes when that
-- was not seen for so long.
local function ignores_rest(scope)
    local places, gone = K('ignores_run:' .. scope), {}
    local idle = redis.call('ZRANGE', places, '-inf', NOW - IGNORE_KEEP_MS, 'BYSCORE', 'LIMIT',
                            0, IGNORE_BATCH)
    for _, rule in ipairs(idle) do
        local json = redis.call('HGET', K('ignores:' .. scope), rule)
        local run = json and cjson.decode(json).runId
        if type(run) == 'string' and redis.call('EXISTS', K('run:' .. run)) == 1 then
            redis.call('ZADD', places, NOW, rule)
        else
            gone[#gone + 1] = rule
        end
    end
    return ignores_drop(scope, gone)
end

local function ignores_prune(scope)
    local expired, rested = ignores_expire(scope), ignores_rest(scope)
    return expired or rested
end

-- ---- matches ----
local function ignored_forget(scope, rules)
    for _, rule in ipairs(rules) do
        redis.call('HDEL', K('ignored:' .. scope), rule)
        redis.call('ZREM', K('ignored_at:' .. scope), rule)
    end
end

-- "<ms of the last> <day>:<matches> …", the days of IGNORE_KEEP_MS.
local function ignored_line(before, matches)
    local today, days = math.floor(NOW / 86400000), {}
    for day, count in string.gmatch(before or '', '(%d+):(%d+)') do
        if tonumber(day) == today then
            matches = matches + count
        elseif tonumber(day) > today - 30 and #days < 30 then
            days[#days + 1] = day .. ':' .. count
        end
    end
    days[#days + 1] = digits(today) .. ':' .. digits(matches)
    return digits(NOW) .. ' ' .. table.concat(days, ' ')
end

-- rules: ids; matches: how often each did. At most as many as a scope may have.
local function ignored_add(scope, rules, matches)
    local key, at = K('ignored:' .. scope), K('ignored_at:' .. scope)
    local lines, times = {}, {}
    local before = redis.call('HMGET', key, unpack(rules))
    for i, rule in ipairs(rules) do
        lines[2 * i - 1], lines[2 * i] = rule, ignored_line(before[i], matches[i])
        times[2 * i - 1], times[2 * i] = digits(NOW), rule
    end
    redis.call('HSET', key, unpack(lines))
    redis.call('ZADD', at, unpack(times))
    redis.call('ZADD', K('ignores_run:' .. scope), 'XX', unpack(times))
    ignored_forget(scope, redis.call('ZRANGE', at, '-inf', NOW - IGNORE_KEEP_MS, 'BYSCORE',
                                     'LIMIT', 0, IGNORE_BATCH))
    local over = redis.call('ZCARD', at) - IGNORED_MAX
    if over > 0 then
        ignored_forget(scope, redis.call('ZRANGE', at, 0, over - 1))
    end
end

local function ignores_forget_all(scope)
    redis.call('DEL', K('ignores:' .. scope), K('ignores_due:' .. scope),
               K('ignores_run:' .. scope), K('ignored:' .. scope), K('ignored_at:' .. scope))
end
