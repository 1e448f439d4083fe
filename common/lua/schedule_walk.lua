#!lua flags=no-writes,allow-oom
-- Writes nothing. As schedule_due, but whether due or not, after a place in `due` that may
-- be empty meanwhile: a score and an id.
-- ARGV: due of the schedule before (0: none), its id, limit, fields.
--@include schedule_due
local after, after_id = whole(ARGV[1], 'time'), ARGV[2]
local limit = whole(ARGV[3], 'limit')
check(#ARGV > 3 and limit > 0 and limit <= 100, 'schedule_walk')

-- The rank of the first entry after the place: entries of one score are sorted by id.
local function first_after()
    local low = redis.call('ZCOUNT', K('due'), '-inf', '(' .. ARGV[1])
    local high = low + redis.call('ZCOUNT', K('due'), ARGV[1], ARGV[1])
    while low < high do
        local middle = math.floor((low + high) / 2)
        if redis.call('ZRANGE', K('due'), middle, middle)[1] <= after_id then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end
return due_piece(after > 0 and first_after() or 0, limit, math.huge, {unpack(ARGV, 4)})
