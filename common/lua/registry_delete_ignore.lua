#!lua flags=allow-oom
-- A rule goes with its matches, and the revision of its scope moves.
-- ARGV: scope, rule.
--@include ignores
local scope, rule_id = ARGV[1], ARGV[2]
check(#ARGV == 2 and #scope > 0 and #rule_id > 0, 'registry_delete_ignore')

if rule_id == 'revision' or redis.call('HEXISTS', K('ignores:' .. scope), rule_id) == 0 then
    return {'unknown'}
end
ignores_drop(scope, {rule_id})
ignored_forget(scope, {rule_id})
ignores_prune(scope)
ignores_changed(scope)
return {'done'}
