#!lua flags=no-writes
-- One page of the projects as they are at one moment, newest first.
--@include prelude
local offset, limit = whole(ARGV[1], 'offset'), whole(ARGV[2], 'limit')
check(#ARGV == 2 and offset >= 0 and limit >= 1 and limit <= 500, 'registry_list_projects')

local page = {}
for _, key in ipairs(redis.call('ZRANGE', K('projects'), offset, offset + limit - 1, 'REV')) do
    page[#page + 1] = redis.call('HMGET', K('project:' .. key), 'id', 'json', 'revision',
                                 'created', 'updated')
end
return page
