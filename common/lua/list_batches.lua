#!lua flags=no-writes,allow-oom
-- Writes nothing. Of the newest 500 batches of a repository those of a kind, newest first:
-- of each its id and the fields that are asked for.
-- ARGV: repository, kind ("": all), limit, fields.
--@include prelude
local repo, kind, limit = ARGV[1], ARGV[2], whole(ARGV[3], 'limit')
check(#ARGV > 3 and limit > 0 and limit <= 500, 'list_batches')

local LOOKED_MAX = 500
local found = {}
for _, id in ipairs(redis.call('ZRANGE', K('batches:' .. repo), 0, LOOKED_MAX - 1, 'REV'))
do
    if kind == '' or redis.call('HGET', K('batch:' .. id), 'kind') == kind then
        local fields = redis.call('HMGET', K('batch:' .. id), unpack(ARGV, 4))
        table.insert(fields, 1, id)
        found[#found + 1] = fields
    end
    if #found == limit then
        break
    end
end
return found
