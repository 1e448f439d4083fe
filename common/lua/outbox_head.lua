#!lua flags=no-writes,allow-oom
-- Writes nothing. The oldest entry of the outbox with all that a decision about it takes,
-- as of one moment. ARGV: fields of a run.
--@include registry_pair
--@include hook
--@include told
check(#ARGV > 1, 'outbox_head')

local entry = redis.call('LINDEX', K('outbox'), 0)
local head = {entry, NOW, tonumber(hooks_revision())}
if not entry then
    return head
end
local id, status = string.match(entry, '^(%S+) (%S+)$')
id = id or ''
local v = redis.call('HMGET', K('run:' .. id), 'kind', 'project', 'workspace', 'pkey',
                     'scope', 'target', 'ref')
if not v[1] then
    return head
end
local kind, project, scope = v[1], v[2] or '', v[5] or ''
local run = redis.call('HMGET', K('run:' .. id), unpack(ARGV))
run[#run + 1] = redis.call('GET', K('spec:' .. id))
-- As large as it may be, it is read only where something changed.
local metadata = false
if status == 'drift_detected' or kind == 'reconcile' then
    metadata = redis.call('HGET', K('result:' .. id), 'metadata')
end
local pair = {false, false, false, false, false, false}
local subject = scope
if project ~= '' then
    pair = registry_pair(v[4], v[3])
else
    subject = redis.sha1hex((v[6] or '') .. ' ' .. (v[7] or ''))
end
return {entry, NOW, head[3], id, status, run, metadata,
        redis.call('HGETALL', K('ignores:' .. scope)), pair, subject, told_read(subject)}
