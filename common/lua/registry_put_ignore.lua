#!lua flags=allow-oom
-- A scope has at most RULES_MAX rules that have not expired, and a revision that moves
-- with every change of them. The field `revision` stands among the rules;
-- ignores_due:<scope> holds those that end, by the time they do. The same rule once more
-- is no change: it keeps when and by whom it was set.
-- ARGV: scope, rule, JSON, expiry ms or 0, run, is it of that run alone (0, 1), who sets
-- it as JSON.
--@include ignores
local scope, rule_id, json = ARGV[1], ARGV[2], ARGV[3]
local expires, run_id = whole(ARGV[4], 'expiry'), ARGV[5]
local of_run, by = ARGV[6] == '1', ARGV[7]
check(#ARGV == 7 and #scope > 0 and #rule_id > 0 and rule_id ~= 'revision' and
      in_limits(json) and #by > 0, 'registry_put_ignore')
local RULES_MAX = 1000

local ignores, due = K('ignores:' .. scope), K('ignores_due:' .. scope)

-- Nothing is written for a run that was trimmed or that has another scope.
if run_id ~= '' and redis.call('HGET', K('run:' .. run_id), 'scope') ~= scope then
    return {'unknown'}
end
local changed = ignores_prune(scope)
local before = redis.call('HGET', ignores, rule_id)
local ends = redis.call('ZSCORE', due, rule_id)
local lives = before and not (ends and tonumber(ends) <= NOW)
local rules = redis.call('HLEN', ignores) - redis.call('HEXISTS', ignores, 'revision') -
              redis.call('ZCOUNT', due, '-inf', NOW)
local refused = not lives and rules >= RULES_MAX
local head = string.sub(json, 1, -2) .. (json == '{}' and '' or ',') .. '"createdAtMs":'
if not refused and (not before or string.sub(before, 1, #head) ~= head) then
    changed = true
    redis.call('HSET', ignores, rule_id, head .. digits(NOW) .. ',"createdBy":' .. by .. '}')
    if expires > 0 then
        redis.call('ZADD', due, expires, rule_id)
    else
        redis.call('ZREM', due, rule_id)
    end
    if of_run then
        redis.call('ZADD', K('ignores_run:' .. scope), NOW, rule_id)
    end
end
if changed then
    ignores_changed(scope)
end
return {refused and 'refused' or lives and 'updated' or 'created'}
