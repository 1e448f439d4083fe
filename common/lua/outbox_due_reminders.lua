#!lua flags=no-writes,allow-oom
-- Writes nothing. Subjects of whose drift people are to be reminded now. ARGV: limit.
--@include hook
--@include told
local limit = whole(ARGV[1], 'limit')
check(#ARGV == 1 and limit > 0 and limit <= 20, 'outbox_due_reminders')
local due = {NOW, tonumber(hooks_revision())}
for _, subject in ipairs(redis.call('ZRANGE', K('reminders'), '-inf', NOW, 'BYSCORE',
                                    'LIMIT', 0, limit)) do
    due[#due + 1] = {subject, told_read(subject)}
end
return due
