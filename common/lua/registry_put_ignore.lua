#!lua flags=allow-oom
-- A scope has at most RULES_MAX rules that have not expired, and a revision that moves
-- with every change of them. The field `revision` stands among the rules;
-- ignores_due:<scope> holds those that end, by the time they do.
--@include registry
local scope, rule_id, json = ARGV[1], ARGV[2], ARGV[3]
local expires, run_id = whole(ARGV[4], 'expiry'), ARGV[5]
check(#ARGV == 5 and #scope > 0 and #rule_id > 0 and rule_id ~= 'revision' and in_limits(json),
      'registry_put_ignore')
local RULES_MAX, PRUNED_MAX = 1000, 100

local ignores, due = K('ignores:' .. scope), K('ignores_due:' .. scope)

local function prune()
    local expired = redis.call('ZRANGE', due, '-inf', NOW, 'BYSCORE', 'LIMIT', 0, PRUNED_MAX)
    for _, id in ipairs(expired) do
        redis.call('HDEL', ignores, id)
        redis.call('ZREM', due, id)
    end
    return #expired > 0
end

-- Nothing is written for a run that was trimmed or that has another scope.
if run_id ~= '' and redis.call('HGET', K('run:' .. run_id), 'scope') ~= scope then
    return {'unknown'}
end
local changed = prune()
local before = redis.call('HGET', ignores, rule_id)
local rules = redis.call('HLEN', ignores) - redis.call('HEXISTS', ignores, 'revision')
local refused = not before and rules >= RULES_MAX
if not refused and before ~= json then
    changed = true
    redis.call('HSET', ignores, rule_id, json)
    if expires > 0 then
        redis.call('ZADD', due, expires, rule_id)
    else
        redis.call('ZREM', due, rule_id)
    end
end
if changed then
    redis.call('HSET', ignores, 'revision', next_revision())
end
return {refused and 'refused' or before and 'updated' or 'created'}
