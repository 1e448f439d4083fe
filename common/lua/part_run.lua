--@include prelude
-- A run as the scripts see it: what decides about its next move.
local function run_load(id)
    local v = redis.call('HMGET', K('run:' .. id), 'status', 'kind', 'target', 'scope',
                         'pkey', 'seq', 'priority', 'coalesce', 'fence', 'nonce',
                         'worker', 'marked', 'cancel', 'attempts', 'crashes',
                         'batch', 'trigger')
    if not v[1] then
        return nil
    end
    return {id = id, status = v[1], kind = v[2], target = v[3], scope = v[4], pkey = v[5],
            seq = v[6], priority = v[7], coalesce = v[8], fence = v[9] or '',
            nonce = v[10] or '', worker = v[11] or '', marked = v[12] == '1',
            cancel = tonumber(v[13] or 0), attempts = tonumber(v[14] or 0),
            crashes = tonumber(v[15] or 0), batch = v[16],
            trigger = v[17] or ''}
end

-- Is that the hold that the run was given last? It stays in the run after finish, retry
-- and release, so that a replay is known; reap and resolve take it away.
local function held_by(run, fence, nonce)
    return run and fence ~= '' and run.fence == fence and run.nonce == nonce
end
