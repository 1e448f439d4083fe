#!lua flags=no-writes
-- A page of the projects that track a repository, in the order of their keys: the key to
-- go on behind ('': that was the last page), then the project ids.
-- ARGV: the id of what is tracked, the key to begin behind or '', how many.
--@include prelude
local tracked, after, limit = ARGV[1], ARGV[2], whole(ARGV[3], 'limit')
check(#ARGV == 3 and #tracked > 0 and limit >= 1 and limit <= 100, 'registry_list_tracked')

local keys = redis.call('ZRANGE', K('tracked:' .. tracked), after == '' and '-' or '(' .. after,
                        '+', 'BYLEX', 'LIMIT', 0, limit)
local page = {#keys == limit and keys[#keys] or ''}
for _, key in ipairs(keys) do
    page[#page + 1] = redis.call('HGET', K('project:' .. key), 'id') or nil
end
return page
