--@include schedule
-- What a scheduler reads of `due`: a piece from a rank on, none while paused.

-- Up to `limit` entries that are due by `until`, from that rank on. An entry without its
-- schedule is passed over: fsck sees to it.
local function due_piece(from, limit, latest, fields)
    local meta = redis.call('HMGET', K('meta'), 'paused', 'host_Github', 'host_Gitlab',
                            'host_Git')
    local answer = {NOW, 1, 0, meta[2], meta[3], meta[4], redis.call('ZCARD', K('due'))}
    if meta[1] == '1' then
        return answer
    end
    answer[2] = 0
    local entries = redis.call('ZRANGE', K('due'), from, from + limit, 'WITHSCORES')
    for i = 1, #entries, 2 do
        local due = tonumber(entries[i + 1])
        if i > 2 * limit or due > latest then
            answer[3] = due
            break
        end
        answer[#answer + 1] = schedule_show(entries[i], fields)
    end
    return answer
end
