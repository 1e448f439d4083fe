#!lua flags=no-writes,allow-oom
-- Writes nothing. Lengths, for /metrics.
--@include prelude
check(#ARGV == 0, 'outbox_stats')
return {redis.call('LLEN', K('outbox')), redis.call('ZCARD', K('hooks_due')),
        redis.call('ZCARD', K('reminders'))}
