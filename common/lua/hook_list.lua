#!lua flags=no-writes,allow-oom
-- Writes nothing. A page of all hooks, newest first, with their revision and number, as
-- of one moment. ARGV: offset, limit.
--@include hook
local offset, limit = whole(ARGV[1], 'offset'), whole(ARGV[2], 'limit')
check(#ARGV == 2 and offset >= 0 and limit > 0 and limit <= 100, 'hook_list')
local page = {tonumber(hooks_revision()), redis.call('ZCARD', K('hooks'))}
for _, id in ipairs(redis.call('ZRANGE', K('hooks'), offset, offset + limit - 1, 'REV')) do
    page[#page + 1] = hook_row(id)
end
return page
