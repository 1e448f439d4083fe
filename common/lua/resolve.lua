#!lua flags=allow-oom
-- A person ends an orphan whose owner is silent, and its target is free again. Nothing
-- that was counted when it became an orphan is counted again.
-- ARGV: run, status, reason, force (0, 1), nonce, how recent a sign of life counts ms.
--@include run_end
local id, status, reason, force, nonce = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local alive_ms = whole(ARGV[6], 'time')
check(#ARGV == 6 and #id > 0 and #nonce > 0 and #reason <= 4096, 'resolve')
check(status == 'applied' or status == 'error', 'status')

local run = run_load(id)
if not run then
    return 'unknown'
end
if run.status ~= 'orphaned' then
    local again = redis.call('HGET', K('run:' .. id), 'resolve_nonce') == nonce
    return again and 'done' or 'not_orphan'
end
local seen = tonumber(redis.call('ZSCORE', K('workers'), run.worker) or 0)
if force ~= '1' and seen > NOW - alive_ms then
    return 'owner_alive'
end

move(id, 'orphaned', 'resolve', status)
local code, message = '', ''
if status == 'error' then
    code, message = 'INTERRUPTED', reason
end
run_end(run, status, 'error_code', code, 'error_message', message, 'resolve_reason',
        reason, 'resolve_nonce', nonce, 'resolved_hold', run.fence .. ' ' .. run.nonce,
        'fence', '', 'nonce', '')
return 'done'
